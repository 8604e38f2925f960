//! [`SessionLock`]: an advisory lock on a session of its own. It goes with the session, so that others see when a process is
//! killed.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tokio_postgres::Client;
use velox_kernel::MemberId;
use velox_sql::Failure;

use crate::Server;
use crate::address::chain;

/// How long the server may take to give the lock.
const DEADLINE: Duration = Duration::from_secs(1);
/// The server gives up on a silent machine after about six seconds.
const KEEPALIVE: &str = "SET tcp_keepalives_idle = 3; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3";
/// What the locks of members begin with: `vel` in ASCII.
pub(crate) const MEMBERS: i32 = 0x0076_656C;

/// The number of a member's lock: the last bits of its id, which are random.
pub(crate) fn number_of(member: MemberId) -> i32 {
    let [.., a, b, c, d] = *member.uuid().as_bytes();
    i32::from_be_bytes([a, b, c, d])
}

/// The session that shows that a member is there.
pub(crate) struct SessionLock {
    _client: Client,
    /// Turns true when the connection ends.
    ended: watch::Receiver<bool>,
}

impl SessionLock {
    /// Connects and takes the lock, which keeps nobody out.
    ///
    /// # Errors
    /// [`Failure`] when the server does not say that it is held.
    pub(crate) async fn take(mut server: Server, member: MemberId) -> Result<Self, Failure> {
        // So that whoever looks at the server's sessions knows what this one is for.
        server.config.application_name("velox presence");
        let connect = server.config.get_connect_timeout().copied().unwrap_or_default();
        let taking = timeout(connect.saturating_add(DEADLINE), Self::connect_and_lock(server, member));
        let silence = |_| Failure::Unavailable("PostgreSQL did not answer in time".to_owned());
        taking.await.map_err(silence)?.map_err(|error| Failure::Unavailable(chain(&error)))
    }

    async fn connect_and_lock(server: Server, member: MemberId) -> Result<Self, tokio_postgres::Error> {
        let (client, socket) = server.connect().await?;
        let (end, ended) = watch::channel(false);
        tokio::spawn(async move {
            if let Err(error) = socket.await {
                tracing::debug!(%error, "the connection that shows that this process is there has ended");
            }
            end.send_replace(true);
        });
        client.batch_execute(KEEPALIVE).await?;
        client.execute("SELECT pg_advisory_lock_shared($1, $2)", &[&MEMBERS, &number_of(member)]).await?;
        Ok(Self { _client: client, ended })
    }

    /// Whether the connection has not ended since.
    pub(crate) fn is_held(&self) -> bool {
        !*self.ended.borrow()
    }
}
