//! What processes that share a store keep in a Redis server: limits and signals.

mod connect;
mod door;
mod limits;
mod options;
mod server;
mod signals;

pub use limits::RedisLimits;
pub use options::{InvalidRedisUrl, RedisOptions};
pub use server::{RedisAway, RedisServer};
pub use signals::RedisSignals;
