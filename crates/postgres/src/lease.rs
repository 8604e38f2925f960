//! [`Lease`]: a session that goes back to the pool only when it is known to be clean.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use deadpool::managed::Object;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};
use velox_sql::Failure;

use crate::session::{Backend, Sessions};

/// A deadline that passed before a commit was sent.
pub(crate) fn silence() -> Failure {
    Failure::Unavailable("PostgreSQL did not answer in time".to_owned())
}

/// A leased session. Unless it is known to be clean it is closed instead of given back: so an open transaction is
/// undone at once, with its locks, and an answer that is still to come reaches nobody else.
pub(crate) struct Lease {
    object: Option<Object<Sessions>>,
    since: Instant,
    fate: Fate,
}

/// What becomes of a leased session.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is closed.
    Close,
    /// It is closed, and so is every session that rests in the pool since before this one was leased: what ended this one
    /// (a restart of the server, a firewall) ended those too, and each would fail whoever used it next.
    Lost,
    /// It goes back.
    Keep,
}

impl Lease {
    pub(crate) fn new(object: Object<Sessions>) -> Self {
        Self { object: Some(object), since: Instant::now(), fate: Fate::Close }
    }

    /// What came of work on the session; after success it may go back.
    pub(crate) fn judge<T>(&mut self, done: Result<Result<T, Failure>, Elapsed>) -> Result<T, Failure> {
        let value = self.hear(done)?;
        self.keep();
        Ok(value)
    }

    /// What came of work on the session, which is not over yet.
    pub(crate) fn hear<T>(&mut self, done: Result<Result<T, Failure>, Elapsed>) -> Result<T, Failure> {
        let heard = done.unwrap_or_else(|_| Err(silence()));
        if matches!(heard, Err(Failure::Disconnected(_))) {
            self.lose();
        }
        heard
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&mut self, deadline: Duration) -> Result<(), Failure> {
        let begun = timeout(deadline, async { self.batch_execute("BEGIN").await.map_err(Failure::from) }).await;
        self.hear(begun)
    }

    /// Commits the transaction; then the session may go back.
    pub(crate) async fn commit(&mut self, deadline: Duration) -> Result<(), Failure> {
        match timeout(deadline, self.batch_execute("COMMIT")).await {
            Ok(Ok(())) => {
                self.keep();
                Ok(())
            }
            Ok(Err(error)) => match Failure::from(error) {
                Failure::Disconnected(reason) => Err(Failure::OutcomeUnknown(reason)),
                failure => Err(failure),
            },
            Err(_) => Err(Failure::OutcomeUnknown(format!("no answer came within {deadline:?}"))),
        }
    }

    /// Marks the session as fit for others.
    pub(crate) const fn keep(&mut self) {
        self.fate = Fate::Keep;
    }

    /// Notes that the session was found dead.
    pub(crate) const fn lose(&mut self) {
        self.fate = Fate::Lost;
    }

    /// The session on the server.
    pub(crate) fn backend(&self) -> Option<Backend> {
        self.object.as_ref().map(|session| session.backend)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        if self.fate == Fate::Keep {
            return;
        }
        let pool = Object::pool(&object);
        Object::take(object).hang_up();
        if self.fate == Fate::Lost
            && let Some(pool) = pool
        {
            let since = self.since.into_std();
            pool.retain(|_, metrics| metrics.recycled.unwrap_or(metrics.created) > since);
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
