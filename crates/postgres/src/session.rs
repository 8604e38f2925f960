//! [`Session`]: one connection to the server, and how the pool makes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Integer};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::task::AbortHandle;
use velox_sql::Failure;

use crate::Server;
use crate::address::chain;

/// A session that is closed in the middle of a statement is found by the server within a second, and its transaction
/// undone; without this the server would look at the socket only when it has something to say.
const NOTICE_HANG_UP: &str = "SET client_connection_check_interval = 1000";

const ONLY_READ: &str = "SET default_transaction_read_only = on";

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
    pub(crate) connection: AsyncPgConnection,
    pub(crate) backend: Backend,
    closed: Closed,
    driver: AbortHandle,
}

impl Session {
    /// Closes the socket now. Without this the driver would first wait for the answer to what is at work.
    pub(crate) fn hang_up(self) {
        self.driver.abort();
    }
}

/// Makes sessions.
pub(crate) struct Sessions {
    pub(crate) server: Server,
    /// Whether they only read.
    pub(crate) read_only: bool,
}

impl managed::Manager for Sessions {
    type Type = Session;
    type Error = Failure;

    async fn create(&self) -> Result<Session, Failure> {
        let unavailable = |error: &dyn std::error::Error| Failure::Unavailable(chain(error));
        let (client, socket) = self.server.connect().await.map_err(|error| unavailable(&error))?;
        let closed = Closed::default();
        let ended = closed.clone();
        let driver = tokio::spawn(async move {
            if let Err(error) = socket.await {
                tracing::warn!(error = chain(&error), "a connection to PostgreSQL was lost");
            }
            ended.set();
        })
        .abort_handle();
        let mut connection = AsyncPgConnection::try_from(client).await.map_err(|error| unavailable(&error))?;
        let backend = diesel::sql_query(
            "SELECT pid, (extract(epoch FROM backend_start) * 1000000)::bigint AS began \
             FROM pg_stat_activity WHERE pid = pg_backend_pid()",
        )
        .get_result(&mut connection)
        .await
        .map_err(Failure::from)?;
        if let Err(error) = connection.batch_execute(NOTICE_HANG_UP).await {
            tracing::debug!(%error, "the server's system cannot tell that a client has gone in the middle of a statement");
        }
        // Not by the connection's options: a primary that is asked for (`target_session_attrs`) would look like a standby.
        if self.read_only {
            connection.batch_execute(ONLY_READ).await.map_err(Failure::from)?;
        }
        Ok(Session { connection, backend, closed, driver })
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<Failure> {
        // The task that drives the socket sees its end at once: asking the server on each lease would cost a round trip.
        if session.closed.is_set() { Err(RecycleError::message("it was closed")) } else { Ok(()) }
    }
}
