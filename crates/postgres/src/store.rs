//! [`PostgresStore`]: the store on a server.

use diesel_async::SimpleAsyncConnection;
use tokio::time::timeout;
use velox_sql::Failure;

use crate::pool::{Lease, Pool};
use crate::schema::{self, ConnectError};
use crate::{ExecutionLease, PostgresOptions, PostgresSignals};

/// The store on a PostgreSQL server. Several servers of ours may share it.
pub struct PostgresStore {
    pool: Pool,
    options: PostgresOptions,
}

impl PostgresStore {
    /// Connects, and brings the database to this program's schema.
    ///
    /// # Errors
    /// [`ConnectError`]; then nothing was changed.
    pub async fn connect(url: &str, options: &PostgresOptions) -> Result<Self, ConnectError> {
        let store = Self::new(url, false, options)?;
        schema::migrate(&store.pool).await?;
        Ok(store)
    }

    /// Connects to read. Every write is refused by the server.
    ///
    /// # Errors
    /// [`ConnectError`]; a database of an older or newer program is one.
    pub async fn connect_read_only(url: &str, options: &PostgresOptions) -> Result<Self, ConnectError> {
        let store = Self::new(url, true, options)?;
        schema::check(&store.pool).await?;
        Ok(store)
    }

    fn new(url: &str, read_only: bool, options: &PostgresOptions) -> Result<Self, ConnectError> {
        let pool = Pool::new(url, read_only, options).map_err(ConnectError::Unavailable)?;
        Ok(Self { pool, options: options.clone() })
    }

    /// Answers when the server does.
    ///
    /// # Errors
    /// [`Failure`] when it does not.
    pub async fn health(&self) -> Result<(), Failure> {
        let mut lease = self.lease().await?;
        let asked = async { lease.batch_execute("SELECT 1").await.map_err(Failure::from) };
        let answered = timeout(self.options.statement, asked).await;
        lease.judge(answered)
    }

    /// The database's name, when the address has one.
    pub(crate) fn database(&self) -> Option<&str> {
        self.pool.config().get_dbname()
    }

    /// The right to execute orders, not taken yet. It stands on a session of its own, beside the pool.
    #[must_use]
    pub fn execution_lease(&self) -> ExecutionLease {
        ExecutionLease::new(self.pool.config().clone())
    }

    /// Signals between the processes that share the database, on sessions of their own.
    #[must_use]
    pub fn signals(&self) -> PostgresSignals {
        PostgresSignals::new(self.pool.config().clone())
    }

    /// Closes the idle connections and gives out no more; those at work end with their work.
    pub fn close(&self) {
        self.pool.close();
    }

    pub(crate) const fn options(&self) -> &PostgresOptions {
        &self.options
    }

    pub(crate) const fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) async fn lease(&self) -> Result<Lease, Failure> {
        self.pool.lease().await
    }
}
