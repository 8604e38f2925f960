//! [`PostgresStore`]: the store on a server.

use diesel_async::SimpleAsyncConnection;
use tokio::time::timeout;
use velox_sql::Failure;

use crate::candles::CandleTable;
use crate::lease::Lease;
use crate::pool::{Pool, PoolStatus};
use crate::schema::{self, ConnectError};
use crate::{ExecutionLease, PostgresOptions};

/// The store on a PostgreSQL server. Several servers of ours may share it.
pub struct PostgresStore {
    pool: Pool,
    options: PostgresOptions,
    candles: CandleTable,
}

impl PostgresStore {
    /// Connects, and brings the database to this program's schema.
    ///
    /// # Errors
    /// [`ConnectError`]; then nothing was changed.
    pub async fn connect(url: &str, options: &PostgresOptions) -> Result<Self, ConnectError> {
        let store = Self::new(url, false, options)?;
        schema::migrate(&store.pool, options).await?;
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
        let pool = Pool::new(url, read_only, options)?;
        Ok(Self { pool, options: options.clone(), candles: CandleTable::default() })
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

    /// The right to execute orders, not taken yet. It stands on a session of its own, beside the pool.
    #[must_use]
    pub fn execution_lease(&self) -> ExecutionLease {
        ExecutionLease::new(self.pool.server().clone())
    }

    /// How the pool of connections stands now.
    #[must_use]
    pub fn pool_status(&self) -> PoolStatus {
        self.pool.status()
    }

    /// Closes the idle connections and gives out no more; those at work end with their work.
    pub fn close(&self) {
        self.pool.close();
    }

    pub(crate) const fn options(&self) -> &PostgresOptions {
        &self.options
    }

    pub(crate) const fn candles(&self) -> &CandleTable {
        &self.candles
    }

    pub(crate) const fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) async fn lease(&self) -> Result<Lease, Failure> {
        self.pool.lease().await
    }

    /// A session in a transaction that has just begun. One that turns out to be dead is replaced: nothing was done on it.
    pub(crate) async fn begin(&self) -> Result<Lease, Failure> {
        let mut lease = self.lease().await?;
        match lease.begin(self.options.statement).await {
            Err(Failure::Disconnected(_)) => {
                drop(lease);
                lease = self.lease().await?;
                lease.begin(self.options.statement).await?;
            }
            begun => begun?,
        }
        Ok(lease)
    }
}
