//! [`Stores`]: one database behind every store port.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use velox_brokers::BrokerStore;
use velox_identity::IdentityStore;
use velox_kernel::SignalBus;
use velox_market::MarketStore;
use velox_postgres::{PoolStatus, PostgresOptions, PostgresStore};
use velox_sqlite::{SqliteOptions, SqliteStore};
use velox_trading::{TradingLog, TradingQueries};

use super::execution_lease::{AlwaysHeld, ExecutionLease, PostgresLease};
use crate::config::{Config, DatabaseUrl};
use crate::observe::CommitMetrics;
use crate::observe_pool::PoolMetrics;

/// One database behind every store port.
#[derive(Clone)]
pub struct Stores {
    /// The accounts' log.
    pub log: Arc<dyn TradingLog>,
    /// The read tables of trading.
    pub queries: Arc<dyn TradingQueries>,
    /// Users and sessions.
    pub identity: Arc<dyn IdentityStore>,
    /// Broker connections.
    pub brokers: Arc<dyn BrokerStore>,
    /// Market data.
    pub market: Arc<dyn MarketStore>,
    /// Whether other processes may write to it too.
    pub shared: bool,
    /// The right to execute its accounts' orders.
    pub lease: Arc<dyn ExecutionLease>,
    /// Wakes the other processes, where it has a way to.
    pub bus: Option<Arc<dyn SignalBus>>,
    /// How the pool of connections to a server stands; the embedded database has none.
    pub pool: Option<PoolLook>,
}

/// Looks at the pool of connections.
pub type PoolLook = Arc<dyn Fn() -> PoolStatus + Send + Sync>;

/// Why the database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreOpenError {
    /// The embedded one.
    #[error("the embedded database: {0}")]
    Sqlite(#[from] velox_sqlite::OpenError),
    /// PostgreSQL.
    #[error("PostgreSQL: {0}")]
    Postgres(#[from] velox_postgres::ConnectError),
}

impl Stores {
    /// Opens the configured database for a server, and brings it to this program's version.
    ///
    /// # Errors
    /// [`StoreOpenError`] says what is wrong and that nothing was changed.
    pub async fn open(config: &Config) -> Result<Self, StoreOpenError> {
        match &config.database.url {
            DatabaseUrl::Embedded => {
                Ok(Self::embedded(SqliteStore::open(&database_file(config), &sqlite_options(config))?))
            }
            DatabaseUrl::Postgres(url) => {
                Ok(Self::on_server(PostgresStore::connect(url.expose_secret(), &postgres_options(config)).await?))
            }
        }
    }

    /// Opens the configured database to look at it, beside a server that may be running.
    ///
    /// # Errors
    /// As [`Stores::open`].
    pub async fn open_read_only(config: &Config) -> Result<Self, StoreOpenError> {
        match &config.database.url {
            DatabaseUrl::Embedded => {
                Ok(Self::embedded(SqliteStore::open_read_only(&database_file(config), &sqlite_options(config))?))
            }
            DatabaseUrl::Postgres(url) => {
                let store = PostgresStore::connect_read_only(url.expose_secret(), &postgres_options(config)).await?;
                Ok(Self::on_server(store))
            }
        }
    }

    /// Its file's lock makes the process the only one.
    fn embedded(store: SqliteStore) -> Self {
        Self::of(Arc::new(store), false, Arc::new(AlwaysHeld))
    }

    fn on_server(store: PostgresStore) -> Self {
        let lease = PostgresLease::new(store.execution_lease());
        let bus: Arc<dyn SignalBus> = Arc::new(store.signals());
        let store = Arc::new(store);
        let pool = Arc::clone(&store);
        let look: PoolLook = Arc::new(move || pool.pool_status());
        Self { pool: Some(look), bus: Some(bus), ..Self::of(store, true, Arc::new(lease)) }
    }

    fn of<S>(store: Arc<S>, shared: bool, lease: Arc<dyn ExecutionLease>) -> Self
    where
        S: TradingLog + TradingQueries + IdentityStore + BrokerStore + MarketStore + 'static,
    {
        Self {
            log: store.clone(),
            queries: store.clone(),
            identity: store.clone(),
            brokers: store.clone(),
            market: store,
            shared,
            lease,
            bus: None,
            pool: None,
        }
    }
}

/// The embedded database's file.
pub(crate) fn database_file(config: &Config) -> PathBuf {
    config.data.dir.join("velox.db")
}

fn sqlite_options(config: &Config) -> SqliteOptions {
    // A reader is a thread with a page cache: more of them than cores cost memory and answer nothing sooner.
    let cores = std::thread::available_parallelism().map_or(1, Into::into);
    SqliteOptions {
        readers: config.database.pool_size.clamp(1, cores),
        synced: crate::faults::syncs(),
        observer: Arc::new(CommitMetrics::default()),
        ..SqliteOptions::default()
    }
}

fn postgres_options(config: &Config) -> PostgresOptions {
    PostgresOptions {
        connections: config.database.pool_size,
        wait: Duration::from_millis(config.database.wait_ms),
        connect: Duration::from_millis(config.database.connect_timeout_ms),
        statement: Duration::from_millis(config.database.statement_timeout_ms),
        idle_in_transaction: Duration::from_millis(config.database.idle_in_transaction_timeout_ms),
        observer: Arc::new(CommitMetrics::default()),
        pool_observer: Some(Arc::new(PoolMetrics::default())),
        ..PostgresOptions::default()
    }
}
