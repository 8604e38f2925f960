//! What processes that share a store know of each other: contracts and fakes of `RateLimiter` and `SignalBus`.

mod bus;
mod limiter;

pub use bus::{MemoryBus, signal_bus_contract};
pub use limiter::{MemoryLimits, rate_limiter_contract};
