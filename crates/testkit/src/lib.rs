//! What tests share: a clock that is set by hand, ids that count, in-memory fakes of every port, and the contract
//! suites that each fake and each adapter passes.

pub mod brokers;
mod clock;
pub mod identity;
mod ids;
pub mod market;
pub mod messages;
pub mod peers;
pub mod topics;
pub mod trading;

pub use clock::TestClock;
pub use ids::CountingIds;
