//! Connections: one for all questions, shared, because answers come in the order of the questions.

use std::time::Duration;

use deadpool_redis::{Connection, Manager, Pool, Runtime, Timeouts};
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client};
use tokio::time::Instant;

use crate::InvalidRedisUrl;
use crate::server::RedisAway;

/// How long a connection is used before the pool is asked whether it is still good.
const TRUSTED: Duration = Duration::from_secs(1);
/// Connections at most: the one in use, and one that takes its place.
const CONNECTIONS: usize = 2;

/// Gives out the connection that everybody shares.
pub(crate) struct Connections {
    pool: Pool,
    shared: Mutex<Option<Shared>>,
}

struct Shared {
    lease: Connection,
    since: Instant,
}

impl Connections {
    /// Connections to the server of the address; none is made yet.
    pub(crate) fn new(url: &str, deadline: Duration) -> Result<Self, InvalidRedisUrl> {
        // What the server is asked has a deadline of its own, set around every question.
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(deadline)).set_response_timeout(Some(deadline));
        let manager = Manager::new_with_config(url, config).map_err(|error| InvalidRedisUrl(said(&error)))?;
        let timeouts = Timeouts { wait: Some(deadline), create: Some(deadline), recycle: Some(deadline) };
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| InvalidRedisUrl(error.to_string()))?;
        Ok(Self { pool, shared: Mutex::default() })
    }

    /// The shared connection; looked after by the pool at most once a second.
    pub(crate) async fn get(&self) -> Result<MultiplexedConnection, RedisAway> {
        if let Some(shared) = &*self.shared.lock()
            && shared.since.elapsed() < TRUSTED
        {
            return Ok(MultiplexedConnection::clone(&shared.lease));
        }
        // Given back, so that the pool looks at it, or makes a new one.
        drop(self.shared.lock().take());
        let lease = self.pool.get().await.map_err(|error| RedisAway::new(error.to_string()))?;
        let connection = MultiplexedConnection::clone(&lease);
        *self.shared.lock() = Some(Shared { lease, since: Instant::now() });
        Ok(connection)
    }

    /// Lets go of the shared connection: it has failed.
    pub(crate) fn forget(&self) {
        if let Some(shared) = self.shared.lock().take() {
            drop(Connection::take(shared.lease));
        }
    }
}

/// A client for connections that are not shared.
pub(crate) fn client(url: &str) -> Result<Client, InvalidRedisUrl> {
    Client::open(url).map_err(|error| InvalidRedisUrl(said(&error)))
}

/// What is wrong with an address, without the address.
fn said(error: &redis::RedisError) -> String {
    error.detail().map_or_else(|| "it is not of the form redis://user:password@host:port/0".to_owned(), str::to_owned)
}
