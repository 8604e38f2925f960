//! [`RedisOptions`]: the bounds of what is asked of the server.

use std::time::Duration;

/// The bounds of what is asked of the server.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// What every key and channel begins with, so that installations may share a server. `velox` by default.
    pub prefix: String,
    /// How long an answer may take, a new connection included. 50 ms by default.
    pub deadline: Duration,
    /// How long nothing is asked after a question that failed. 250 ms by default.
    pub closed: Duration,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self { prefix: "velox".to_owned(), deadline: Duration::from_millis(50), closed: Duration::from_millis(250) }
    }
}

/// A text that names no Redis server. It holds no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("redis.url names no server: {0}")]
pub struct InvalidRedisUrl(pub(crate) String);
