//! [`PostgresOptions`]: the bounds of the store on a server.

use std::sync::Arc;
use std::time::Duration;

use velox_sql::{CommitObserver, Unobserved};

use crate::PoolObserver;

/// The bounds of the store on a server.
#[derive(Clone)]
pub struct PostgresOptions {
    /// Connections at most. 10 by default.
    pub connections: usize,
    /// How long a caller waits for a connection of the pool. 2 seconds by default.
    pub wait: Duration,
    /// How long a new connection may take. 5 seconds by default.
    pub connect: Duration,
    /// How long a statement may take, here and (`statement_timeout`) there. 10 seconds by default.
    pub statement: Duration,
    /// How long a transaction may stand idle (`idle_in_transaction_session_timeout`): for so long a process that is
    /// stopped in the middle of one can keep others from an account. 2 seconds by default.
    pub idle_in_transaction: Duration,
    /// How long to look for the outcome of a commit whose answer was lost. 5 seconds by default.
    pub outcome: Duration,
    /// How long one try of a step of the schema waits for a lock: for so long others wait behind it. 2 seconds by default.
    pub schema_lock: Duration,
    /// How long to wait for another program that changes the schema. 60 seconds by default.
    pub schema_turn: Duration,
    /// Hears of commits.
    pub observer: Arc<dyn CommitObserver>,
    /// Hears of the pool.
    pub pool_observer: Option<Arc<dyn PoolObserver>>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            connections: 10,
            wait: Duration::from_secs(2),
            connect: Duration::from_secs(5),
            statement: Duration::from_secs(10),
            idle_in_transaction: Duration::from_secs(2),
            outcome: Duration::from_secs(5),
            schema_lock: Duration::from_secs(2),
            schema_turn: Duration::from_secs(60),
            observer: Arc::new(Unobserved),
            pool_observer: None,
        }
    }
}
