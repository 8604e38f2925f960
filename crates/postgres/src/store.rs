//! [`PostgresStore`]: the store on a server.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::time::timeout;
use velox_kernel::StorePosition;
use velox_sql::Failure;

use crate::candles::CandleTable;
use crate::lease::Lease;
use crate::pool::{Pool, PoolStatus};
use crate::roles::Roles;
use crate::schema::{self, ConnectError};
use crate::{PostgresOptions, PostgresSignals};

/// One number.
#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Nullable<BigInt>)]
    number: Option<i64>,
}

/// How far a replica is; nothing on any other server.
const REPLAYED: &str = "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() END";

/// How far the server of a session is.
async fn ask_position(connection: &mut AsyncPgConnection, position: &str) -> Result<StorePosition, Failure> {
    let query = format!("SELECT ({position} - pg_lsn '0/0')::bigint AS number");
    let Number { number } = diesel::sql_query(query).get_result(connection).await?;
    let number = number.and_then(|number| u64::try_from(number).ok());
    number.map(StorePosition::new).ok_or_else(|| Failure::Unavailable("it is not a replica".to_owned()))
}

/// Whether the replica of a session has come as far as that.
pub(crate) async fn has_replayed(connection: &mut AsyncPgConnection, since: StorePosition) -> Result<bool, Failure> {
    Ok(ask_position(connection, REPLAYED).await? >= since)
}

/// Said of a replica that has not come far enough.
pub(crate) fn behind() -> Failure {
    Failure::Unavailable("the replica has not come so far yet".to_owned())
}

/// The store on a PostgreSQL server. Several servers of ours may share it.
pub struct PostgresStore {
    pool: Pool,
    options: PostgresOptions,
    candles: CandleTable,
    roles: Box<Roles>,
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

    /// A streaming replica to read from. Nothing is connected yet, and its schema is not looked at: see
    /// [`PostgresStore::check_schema`].
    ///
    /// # Errors
    /// [`ConnectError`] when the address makes no sense.
    pub fn replica(url: &str, options: &PostgresOptions) -> Result<Self, ConnectError> {
        Self::new(url, true, options)
    }

    /// Whether the database has this program's schema.
    ///
    /// # Errors
    /// [`ConnectError`] when it has not, or does not answer.
    pub async fn check_schema(&self) -> Result<(), ConnectError> {
        schema::check(&self.pool).await
    }

    fn new(url: &str, read_only: bool, options: &PostgresOptions) -> Result<Self, ConnectError> {
        let pool = Pool::new(url, read_only, options)?;
        Ok(Self {
            pool,
            options: options.clone(),
            candles: CandleTable::default(),
            roles: Box::new(Roles::new(Pool::of_roles(url, options)?)),
        })
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

    /// How far the history goes now: every commit that was answered ends before that.
    ///
    /// # Errors
    /// [`Failure`] when it does not answer.
    pub async fn position(&self) -> Result<StorePosition, Failure> {
        self.ask_position("pg_current_wal_insert_lsn()").await
    }

    /// How much of the primary's history can be read on this replica.
    ///
    /// # Errors
    /// [`Failure`] when it does not answer, or is no replica any more: one that was promoted goes its own way.
    pub async fn replayed(&self) -> Result<StorePosition, Failure> {
        self.ask_position(REPLAYED).await
    }

    async fn ask_position(&self, position: &str) -> Result<StorePosition, Failure> {
        let mut lease = self.lease().await?;
        let answered = timeout(self.options.statement, ask_position(&mut lease, position)).await;
        lease.judge(answered)
    }

    /// Which database cluster this is a server of: the same for a primary and its replicas, and for nobody else.
    ///
    /// # Errors
    /// [`Failure`] when it does not answer, or may not tell us.
    pub async fn system_identifier(&self) -> Result<i64, Failure> {
        let mut lease = self.lease().await?;
        let asked = async {
            let query = diesel::sql_query("SELECT system_identifier AS number FROM pg_control_system()");
            Ok(query.get_result::<Number>(&mut *lease).await?)
        };
        let answered = timeout(self.options.statement, asked).await;
        Ok(lease.judge(answered)?.number.unwrap_or_default())
    }

    /// The database's name, when the address has one.
    pub(crate) fn database(&self) -> Option<&str> {
        self.pool.server().config.get_dbname()
    }

    /// Where it is said who has which part of a role.
    pub(crate) fn roles(&self) -> &Roles {
        &self.roles
    }

    /// How the pool of connections stands now.
    #[must_use]
    pub fn pool_status(&self) -> PoolStatus {
        self.pool.status()
    }

    /// Signals between the processes that share the database, on sessions of their own.
    #[must_use]
    pub fn signals(&self) -> PostgresSignals {
        PostgresSignals::new(self.pool.server().clone())
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
        self.pool.begin(self.options.statement).await
    }
}
