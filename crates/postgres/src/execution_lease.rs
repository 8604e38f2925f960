//! [`ExecutionLease`]: the right to execute orders, which one process of those that share the database has.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tokio_postgres::Client;
use velox_sql::Failure;

use crate::Server;
use crate::address::chain;

/// The advisory lock that stands for the right: `velox` in ASCII, and a one.
const LOCK: i64 = 0x7665_6C6F_7801;
/// How long the server may take to answer a question about the lock.
const DEADLINE: Duration = Duration::from_secs(1);
/// The server gives up on a silent machine after about six seconds. Its holder has long stopped by then: it asks each
/// second.
const KEEPALIVE: &str = "SET tcp_keepalives_idle = 3; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3";

/// The right to execute orders: an advisory lock of a session of its own. The lock goes with the session, so a process
/// that is killed frees it.
pub struct ExecutionLease {
    server: Server,
    held: Option<Held>,
}

/// The session that has the lock.
struct Held {
    client: Client,
    /// Turns true when the connection ends.
    ended: watch::Receiver<bool>,
}

impl ExecutionLease {
    pub(crate) fn new(mut server: Server) -> Self {
        // So that whoever looks at the server's sessions knows what this one is for.
        server.config.application_name("velox execution lease");
        Self { server, held: None }
    }

    /// Tries to take it; `false` when another process has it. One that was held before is given up first.
    ///
    /// # Errors
    /// [`Failure`] when the server does not say. It is not held then.
    pub async fn try_acquire(&mut self) -> Result<bool, Failure> {
        self.held = None;
        let connect = self.server.config.get_connect_timeout().copied().unwrap_or_default();
        let wait = connect.saturating_add(DEADLINE * 2);
        let Ok(tried) = timeout(wait, self.connect_and_lock()).await else { return Err(silence()) };
        self.held = tried.map_err(|error| lost(&error))?;
        Ok(self.held.is_some())
    }

    async fn connect_and_lock(&self) -> Result<Option<Held>, tokio_postgres::Error> {
        let (client, socket) = self.server.connect().await?;
        let (end, ended) = watch::channel(false);
        tokio::spawn(async move {
            if let Err(error) = socket.await {
                tracing::debug!(%error, "the connection that holds the right to execute has ended");
            }
            end.send_replace(true);
        });
        client.batch_execute(KEEPALIVE).await?;
        let row = client.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK]).await?;
        let locked: bool = row.try_get(0)?;
        Ok(locked.then_some(Held { client, ended }))
    }

    /// Asks the server whether it is held still.
    ///
    /// # Errors
    /// [`Failure`] when it is not, or when nobody can say within a second. It is given up then.
    pub async fn confirm(&mut self) -> Result<(), Failure> {
        let Some(Held { client, .. }) = &self.held else { return Err(gone()) };
        // Not only whether the session lives: something between could have given it another one, or reset it.
        let asked = client.query_one(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted \
             AND (classid::bigint << 32 | objid::bigint) = $1)",
            &[&LOCK],
        );
        let confirmed = match timeout(DEADLINE, asked).await {
            Ok(Ok(row)) => match row.try_get(0) {
                Ok(true) => Ok(()),
                Ok(false) => Err(gone()),
                Err(error) => Err(lost(&error)),
            },
            Ok(Err(error)) => Err(lost(&error)),
            Err(_) => Err(silence()),
        };
        if confirmed.is_err() {
            self.held = None;
        }
        confirmed
    }

    /// Returns when the connection has ended; at once when it is not held.
    pub async fn ended(&mut self) {
        if let Some(Held { ended, .. }) = &mut self.held {
            // The sender goes only after it has said so.
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }
}

fn lost(error: &tokio_postgres::Error) -> Failure {
    Failure::Unavailable(chain(error))
}

fn silence() -> Failure {
    Failure::Unavailable("PostgreSQL did not answer in time".to_owned())
}

fn gone() -> Failure {
    Failure::Unavailable("the lock is not held any more".to_owned())
}
