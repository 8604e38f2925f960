//! [`Stores`]: one database behind every store port.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use velox_brokers::BrokerStore;
use velox_identity::IdentityStore;
use velox_kernel::{ShardStore, SignalBus, StorePosition};
use velox_market::{CandleHistory, MarketStore};
use velox_postgres::{PoolStatus, PostgresOptions, PostgresReplica, PostgresStore};
use velox_sqlite::{SqliteOptions, SqliteStore};
use velox_trading::{RelayStore, TradingLists, TradingLog, TradingQueries};

use crate::config::{Config, DatabaseUrl};
use crate::observe::CommitMetrics;
use crate::observe_pool::PoolMetrics;
use crate::replicas::{Positioned, Replica, ReplicaCandles, ReplicaLists};

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
    /// What was published of the log.
    pub marks: Arc<dyn RelayStore>,
    /// Who does which part of a role's work.
    pub shards: Arc<dyn ShardStore>,
    /// Wakes the other processes, where it has a way to.
    pub bus: Option<Arc<dyn SignalBus>>,
    /// A replica to read lists from.
    pub replica: Option<ReadReplica>,
    /// How the pool of connections to a server stands; the embedded database has none.
    pub pool: Option<PoolLook>,
}

/// A replica of the store.
#[derive(Clone)]
pub struct ReadReplica {
    /// The lists of both, by freshness.
    pub lists: Arc<dyn TradingLists>,
    /// The candles of both, the same way.
    pub candles: Arc<dyn CandleHistory>,
    /// How far it is.
    pub watched: Arc<Replica>,
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
                let store = PostgresStore::connect(url.expose_secret(), &postgres_options(config)).await?;
                Self::on_server(store, config)
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
                Self::on_server(store, config)
            }
        }
    }

    /// Its file's lock makes the process the only one.
    fn embedded(store: SqliteStore) -> Self {
        Self::of(Arc::new(store), false)
    }

    fn on_server(store: PostgresStore, config: &Config) -> Result<Self, StoreOpenError> {
        let bus: Arc<dyn SignalBus> = Arc::new(store.signals());
        let store = Arc::new(store);
        let pool = Arc::clone(&store);
        let look: PoolLook = Arc::new(move || pool.pool_status());
        let replica = match &config.database.read_url {
            DatabaseUrl::Embedded => None,
            DatabaseUrl::Postgres(url) => {
                let options = PostgresOptions { pool_observer: None, ..postgres_options(config) };
                let replica = Arc::new(PostgresStore::replica(url.expose_secret(), &options)?);
                let bound = Duration::from_millis(config.database.read_max_lag_ms);
                let standby = Standby { store: replica.clone(), primary: store.clone() };
                let watched = Replica::new(Arc::new(Primary(store.clone())), Arc::new(standby), bound);
                let reads = Arc::new(PostgresReplica::new(replica));
                let lists = ReplicaLists::new(store.clone(), reads.clone(), Arc::clone(&watched));
                let primary: Arc<dyn MarketStore> = store.clone();
                let candles = ReplicaCandles::new(Arc::new(primary), reads, Arc::clone(&watched));
                Some(ReadReplica { lists: Arc::new(lists), candles: Arc::new(candles), watched })
            }
        };
        Ok(Self { pool: Some(look), bus: Some(bus), replica, ..Self::of(store, true) })
    }

    fn of<S>(store: Arc<S>, shared: bool) -> Self
    where
        S: TradingLog + TradingQueries + IdentityStore + BrokerStore + MarketStore + RelayStore + ShardStore + 'static,
    {
        Self {
            log: store.clone(),
            queries: store.clone(),
            identity: store.clone(),
            brokers: store.clone(),
            market: store.clone(),
            marks: store.clone(),
            shards: store,
            shared,
            bus: None,
            replica: None,
            pool: None,
        }
    }
}

/// The primary, as the replica's watch sees it.
struct Primary(Arc<PostgresStore>);

#[async_trait]
impl Positioned for Primary {
    async fn position(&self) -> Result<StorePosition, String> {
        self.0.position().await.map_err(|error| error.to_string())
    }

    async fn is_fit(&self) -> Result<(), String> {
        Ok(())
    }
}

/// The replica, as its watch sees it.
struct Standby {
    store: Arc<PostgresStore>,
    primary: Arc<PostgresStore>,
}

#[async_trait]
impl Positioned for Standby {
    async fn position(&self) -> Result<StorePosition, String> {
        self.store.replayed().await.map_err(|error| error.to_string())
    }

    /// It is a replica of this primary, has this program's schema, and can read all of it.
    async fn is_fit(&self) -> Result<(), String> {
        self.position().await?;
        let of = async |store: &PostgresStore| store.system_identifier().await.map_err(|error| error.to_string());
        if of(&self.store).await? != of(&self.primary).await? {
            return Err("database.read_url is a replica of another server".to_owned());
        }
        self.store.check_schema().await.map_err(|error| error.to_string())
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
