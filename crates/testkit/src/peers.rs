//! What processes that share a store know of each other: contracts and fakes of `RateLimiter`, `SignalBus` and
//! `ShardStore`.

mod bus;
mod limiter;
mod shards;

pub use bus::{MemoryBus, signal_bus_contract};
pub use limiter::{MemoryLimits, rate_limiter_contract};
pub use shards::{MemoryShards, shard_store_contract};
