//! The pool of sessions, and [`Lease`]: a session that goes back only when it is known to be clean.

use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult, Timeouts};
use diesel::QueryableByName;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{BigInt, Integer};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tokio_postgres::{Config, NoTls};
use velox_sql::Failure;

use crate::PostgresOptions;

/// What the server calls a session: its process, and when that began, because numbers of processes come again.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub(crate) struct Backend {
    #[diesel(sql_type = Integer)]
    pub(crate) pid: i32,
    #[diesel(sql_type = BigInt)]
    pub(crate) began: i64,
}

/// Whether a connection has ended.
#[derive(Clone, Default)]
struct Closed(Arc<AtomicBool>);

impl Closed {
    fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        AtomicBool::load(&self.0, Ordering::Acquire)
    }
}

/// A connection to the server.
pub(crate) struct Session {
    connection: AsyncPgConnection,
    pub(crate) backend: Backend,
    closed: Closed,
}

/// Makes sessions.
pub(crate) struct Sessions {
    config: Config,
}

impl Sessions {
    async fn open(&self) -> Result<Session, Failure> {
        let unavailable = |error: &dyn std::error::Error| Failure::Unavailable(error.to_string());
        let (client, socket) = self.config.connect(NoTls).await.map_err(|error| unavailable(&error))?;
        let closed = Closed::default();
        let ended = closed.clone();
        tokio::spawn(async move {
            if let Err(error) = socket.await {
                tracing::warn!(%error, "a connection to PostgreSQL was lost");
            }
            ended.set();
        });
        let mut connection = AsyncPgConnection::try_from(client).await.map_err(|error| unavailable(&error))?;
        let backend = diesel::sql_query(
            "SELECT pid, (extract(epoch FROM backend_start) * 1000000)::bigint AS began \
             FROM pg_stat_activity WHERE pid = pg_backend_pid()",
        )
        .get_result(&mut connection)
        .await
        .map_err(Failure::from)?;
        Ok(Session { connection, backend, closed })
    }
}

impl managed::Manager for Sessions {
    type Type = Session;
    type Error = Failure;

    async fn create(&self) -> Result<Session, Failure> {
        self.open().await
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<Failure> {
        // The task that drives the socket sees its end at once: asking the server on each lease would cost a round trip.
        if session.closed.is_set() { Err(RecycleError::message("it was closed")) } else { Ok(()) }
    }
}

/// The pool.
#[derive(Clone)]
pub(crate) struct Pool(managed::Pool<Sessions>);

impl Pool {
    /// A pool; no connection is made yet.
    pub(crate) fn new(url: &str, read_only: bool, options: &PostgresOptions) -> Result<Self, Failure> {
        let unusable = |error: &dyn std::error::Error| Failure::Unavailable(error.to_string());
        let mut config = Config::from_str(url).map_err(|error| unusable(&error))?;
        // The plans of the store's statements do not depend on their values, and planning the large one anew for each
        // batch would cost more than running it; no statement reads so much that compiling it or a scan would pay.
        let settings = format!(
            "{} -c statement_timeout={} -c idle_in_transaction_session_timeout={} -c plan_cache_mode=force_generic_plan \
             -c jit=off -c enable_seqscan=off -c default_transaction_read_only={}",
            config.get_options().unwrap_or_default(),
            options.statement.as_millis(),
            options.idle_in_transaction.as_millis(),
            if read_only { "on" } else { "off" },
        );
        config.options(settings.trim()).connect_timeout(options.connect);
        if config.get_application_name().is_none() {
            config.application_name("velox");
        }
        let timeouts =
            Timeouts { wait: Some(options.wait), create: Some(options.connect), recycle: Some(options.connect) };
        managed::Pool::builder(Sessions { config })
            .max_size(options.connections)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build()
            .map(Self)
            .map_err(|error| unusable(&error))
    }

    /// How a session is made, for one that is not of the pool.
    pub(crate) fn config(&self) -> &Config {
        &self.0.manager().config
    }

    /// A session, when one is free in time.
    pub(crate) async fn lease(&self) -> Result<Lease, Failure> {
        match self.0.get().await {
            Ok(object) => Ok(Lease { object: Some(object), clean: false }),
            Err(PoolError::Timeout(managed::TimeoutType::Wait)) => Err(Failure::Overloaded),
            Err(PoolError::Backend(failure)) => Err(failure),
            Err(error) => Err(Failure::Unavailable(error.to_string())),
        }
    }

    /// Closes every session that is not leased, and gives out no more.
    pub(crate) fn close(&self) {
        self.0.close();
    }
}

/// A deadline that passed before a commit was sent.
pub(crate) fn silence() -> Failure {
    Failure::Unavailable("PostgreSQL did not answer in time".to_owned())
}

/// A leased session. Unless it is known to be clean it is closed instead of given back: so an open transaction is
/// undone at once, with its locks, and an answer that is still to come reaches nobody else.
pub(crate) struct Lease {
    object: Option<Object<Sessions>>,
    clean: bool,
}

impl Lease {
    /// What came of work on the session; after success it may go back.
    pub(crate) fn judge<T>(&mut self, done: Result<Result<T, Failure>, Elapsed>) -> Result<T, Failure> {
        match done {
            Ok(Ok(value)) => {
                self.clean = true;
                Ok(value)
            }
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(silence()),
        }
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&mut self) -> Result<(), Failure> {
        self.batch_execute("BEGIN").await.map_err(Failure::from)
    }

    /// Commits the transaction; then the session may go back.
    pub(crate) async fn commit(&mut self, deadline: Duration) -> Result<(), Failure> {
        match timeout(deadline, self.batch_execute("COMMIT")).await {
            Ok(Ok(())) => {
                self.clean = true;
                Ok(())
            }
            Ok(Err(Error::DatabaseError(DatabaseErrorKind::UnableToSendCommand, text))) => {
                Err(Failure::OutcomeUnknown(text.message().to_owned()))
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(Failure::OutcomeUnknown(format!("no answer came within {deadline:?}"))),
        }
    }

    /// Marks the session as fit for others.
    pub(crate) const fn keep(&mut self) {
        self.clean = true;
    }

    /// The session on the server.
    pub(crate) fn backend(&self) -> Option<Backend> {
        self.object.as_ref().map(|session| session.backend)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(object) = self.object.take()
            && !self.clean
        {
            drop(Object::take(object));
        }
    }
}

impl Deref for Lease {
    type Target = AsyncPgConnection;

    #[expect(clippy::expect_used, reason = "the session is there until the lease is dropped")]
    fn deref(&self) -> &AsyncPgConnection {
        &self.object.as_ref().expect("a lease holds its session").connection
    }
}

impl DerefMut for Lease {
    #[expect(clippy::expect_used, reason = "the session is there until the lease is dropped")]
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.object.as_mut().expect("a lease holds its session").connection
    }
}
