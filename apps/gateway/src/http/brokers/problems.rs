//! From the brokers' errors to problems: each variant once.

use std::fmt;
use std::time::Duration;

use velox_brokers::{
    CreateConnectionError, CredentialsError, DeleteConnectionError, InvalidPaperSettings, StoreError,
    TestConnectionError, UpdateConnectionError,
};
use velox_kernel::error_code;

use crate::http::{IfMatch, Outcome, Problem};

/// When to try again where nobody knows better.
const SOON: Duration = Duration::from_secs(1);

/// Another tenant's connection and one that does not exist are the same.
pub(super) fn no_connection() -> Problem {
    Problem::of(error_code::NOT_FOUND).detail("There is no such broker connection.")
}

/// A kind of broker that is not in the catalog.
pub(super) fn unsupported_broker(kind: impl fmt::Display) -> Problem {
    Problem::of(error_code::UNSUPPORTED_BROKER)
        .detail(format!("There is no broker `{kind}` here; GET /v1/brokers/catalog lists them."))
        .field("/kind", "names no broker of the catalog")
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Overloaded => Self::of(error_code::OVERLOADED).retry_after(SOON).caused_by(error),
            StoreError::Unavailable(_) => Self::of(error_code::STORE_UNAVAILABLE).retry_after(SOON).caused_by(error),
            StoreError::OutcomeUnknown(_) => Self::of(error_code::OUTCOME_UNKNOWN).retry_after(SOON).caused_by(error),
            StoreError::Corrupt(_) => Self::internal(error),
            StoreError::InvalidCursor => {
                Self::of(error_code::INVALID_CURSOR).detail("`after` is not a cursor that this list gave out.")
            }
        }
    }
}

impl From<InvalidPaperSettings> for Problem {
    fn from(error: InvalidPaperSettings) -> Self {
        let InvalidPaperSettings { field, problem } = error;
        Self::of(error_code::INVALID_REQUEST).field(format!("/settings/{field}"), problem)
    }
}

impl From<CredentialsError> for Problem {
    fn from(error: CredentialsError) -> Self {
        match &error {
            CredentialsError::Missing(_)
            | CredentialsError::Unknown(_)
            | CredentialsError::Repeated(_)
            | CredentialsError::Length(_) => Self::of(error_code::INVALID_REQUEST).field("/credentials", error),
            CredentialsError::SecretBox(_) => Self::internal(error).outcome(Outcome::NotExecuted),
        }
    }
}

/// Something is done already, and whether the rest is could not be told: what is kept, and what to do.
fn half_known(error: impl fmt::Display, detail: &'static str) -> Problem {
    Problem::of(error_code::OUTCOME_UNKNOWN).detail(detail).retry_after(SOON).caused_by(error)
}

impl From<CreateConnectionError> for Problem {
    fn from(error: CreateConnectionError) -> Self {
        match error {
            CreateConnectionError::UnsupportedBroker(kind) => unsupported_broker(kind),
            CreateConnectionError::UnsupportedEnvironment(_) => {
                Self::of(error_code::INVALID_REQUEST).field("/environment", "is not offered by this broker")
            }
            CreateConnectionError::Settings(error) => error.into(),
            CreateConnectionError::Credentials(error) => error.into(),
            CreateConnectionError::KeyReused => Self::of(error_code::IDEMPOTENCY_CONFLICT)
                .detail("Another request was made under this Idempotency-Key."),
            CreateConnectionError::Store(error) => error.into(),
            CreateConnectionError::Unfinished(error) => half_known(
                error,
                "The connection is kept and will be finished. Send the same request again under the same \
                 Idempotency-Key: it gives the same connection. Without a key, find it in the list.",
            ),
        }
    }
}

/// Why a connection stays as it is, for a change made on a version.
pub(super) fn unchanged(error: UpdateConnectionError, on: IfMatch) -> Problem {
    match error {
        UpdateConnectionError::NotFound => no_connection(),
        UpdateConnectionError::Conflict => on.refuse(),
        UpdateConnectionError::Settings(error) => error.into(),
        UpdateConnectionError::Credentials(error) => error.into(),
        UpdateConnectionError::Store(error) => error.into(),
        UpdateConnectionError::Accounts(error) => half_known(
            error,
            "The change is kept; whether it has reached the account could not be told. Send it again.",
        ),
    }
}

impl From<DeleteConnectionError> for Problem {
    fn from(error: DeleteConnectionError) -> Self {
        match error {
            DeleteConnectionError::NotFound => no_connection(),
            DeleteConnectionError::InUse => Self::of(error_code::CONNECTION_IN_USE),
            DeleteConnectionError::Store(error) => error.into(),
            DeleteConnectionError::Accounts(error) => half_known(
                error,
                "The connection was not deleted; whether its account was closed could not be told. Send it again.",
            ),
            DeleteConnectionError::Unfinished(error) => half_known(
                error,
                "The connection's account is closed for good; whether the connection was deleted could not be told. \
                 Send it again.",
            ),
        }
    }
}

impl From<TestConnectionError> for Problem {
    fn from(error: TestConnectionError) -> Self {
        match error {
            TestConnectionError::NotFound => no_connection(),
            TestConnectionError::Credential { ref field, .. } => {
                let detail = format!("The kept credential `{field}` cannot be opened any more: set it anew.");
                Self::of(error_code::CONFLICT).detail(detail).caused_by(error)
            }
            TestConnectionError::Store(error) => error.into(),
        }
    }
}
