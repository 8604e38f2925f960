//! [`Ticket`]: tells whether a piece of work was begun, so that a caller who stops waiting knows what is true.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use velox_sql::Failure;

/// One piece of work: taken by the thread that does it, or withdrawn by the caller, never both.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ticket(Arc<AtomicBool>);

impl Ticket {
    /// Takes the work, or the right to it away; whoever comes second is told no.
    pub(crate) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// Waits for the answer. When none comes in time, work that was not begun never will be.
    pub(crate) async fn wait<T>(
        self,
        answer: oneshot::Receiver<Result<T, Failure>>,
        deadline: Duration,
    ) -> Result<T, Failure> {
        match tokio::time::timeout(deadline, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) if self.take() => Err(Failure::Unavailable("the store is closed".to_owned())),
            Ok(Err(_)) => Err(Failure::OutcomeUnknown("the store's thread ended".to_owned())),
            Err(_) if self.take() => Err(Failure::Unavailable(format!("no turn came within {deadline:?}"))),
            Err(_) => Err(Failure::OutcomeUnknown(format!("no answer came within {deadline:?}"))),
        }
    }
}
