//! [`Lease`]: a session that goes back to the pool only when it is known to be clean.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use deadpool::managed::Object;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::time::error::Elapsed;
use tokio::time::timeout;
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
    clean: bool,
}

impl Lease {
    pub(crate) const fn new(object: Object<Sessions>) -> Self {
        Self { object: Some(object), clean: false }
    }

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
