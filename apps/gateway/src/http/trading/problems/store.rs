//! What the writers and the store could not do.

use std::fmt;
use std::time::Duration;

use velox_kernel::error_code;
use velox_trading::{ExecuteError, StoreError};

use crate::http::{Outcome, Problem};

/// When to try again where nobody knows better.
const SOON: Duration = Duration::from_secs(1);

/// Something could not be read, before anything was done.
pub(super) fn unavailable(cause: impl fmt::Display) -> Problem {
    Problem::of(error_code::STORE_UNAVAILABLE).retry_after(SOON).caused_by(cause)
}

/// Something was done, and could not be read afterwards.
pub(super) fn unread(error: StoreError) -> Problem {
    let problem = match error {
        StoreError::Corrupt(_) => Problem::internal(error),
        _ => unavailable(error),
    };
    problem.outcome(Outcome::Executed)
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable(_) | StoreError::Full(_) => unavailable(error),
            StoreError::OutcomeUnknown(_) => Self::of(error_code::OUTCOME_UNKNOWN).retry_after(SOON).caused_by(error),
            StoreError::Corrupt(_) => Self::internal(error),
            StoreError::InvalidCursor(cursor) => {
                Self::of(error_code::INVALID_CURSOR).detail(format!("`after` {cursor}"))
            }
        }
    }
}

impl From<ExecuteError> for Problem {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Refused(refused) => refused.into(),
            ExecuteError::Overloaded => {
                Self::of(error_code::OVERLOADED).detail("Too many commands are waiting.").retry_after(SOON)
            }
            // No request needs a right, so it is said of none.
            ExecuteError::Contended | ExecuteError::Fenced => {
                Self::of(error_code::OVERLOADED).detail("Other servers kept changing the account.").retry_after(SOON)
            }
            ExecuteError::ShuttingDown => Self::of(error_code::SHUTTING_DOWN).retry_after(SOON),
            ExecuteError::Store(error) => error.into(),
        }
    }
}
