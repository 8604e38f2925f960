//! What tests share: a clock that is set by hand, ids that count, in-memory fakes of every port, the contract suites
//! that each fake and each adapter passes, and servers that a test may kill.

pub mod brokers;
mod clock;
pub mod identity;
mod ids;
pub mod market;
pub mod messages;
mod own_redis;
pub mod peers;
pub mod topics;
pub mod trading;

pub use clock::TestClock;
pub use ids::CountingIds;
pub use own_redis::OwnRedis;
