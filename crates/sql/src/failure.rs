//! [`Failure`]: why a database did not do what it was asked, before a domain gives it its own name.

use diesel::result::{DatabaseErrorKind, Error};
use velox_kernel::InvalidCursor;

/// Why a database did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A queue or pool is full; nothing was done.
    #[error("the store is overloaded")]
    Overloaded,
    /// It cannot be reached or refused; nothing was done.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The session ended before it answered: whether what it was doing was done cannot be read off this.
    #[error("the session with the store ended: {0}")]
    Disconnected(String),
    /// A commit was sent and its outcome could not be read.
    #[error("the outcome is unknown: {0}")]
    OutcomeUnknown(String),
    /// There is no room left; nothing was done.
    #[error("the store is full: {0}")]
    Full(String),
    /// It holds what this program did not write.
    #[error("the store is corrupt: {0}")]
    Corrupt(String),
    /// The page's cursor is of another list.
    #[error(transparent)]
    InvalidCursor(#[from] InvalidCursor),
}

/// What SQLite says (`sqlite3_errstr`) when it has no room.
const SQLITE_FULL: &str = "database or disk is full";
/// What SQLite says of a file that is damaged, or none of its own.
const SQLITE_CORRUPT: [&str; 3] =
    ["database disk image is malformed", "malformed database schema", "file is not a database"];
/// What PostgreSQL says (SQLSTATE 53100) when it has no room.
const POSTGRES_FULL: &str = "No space left on device";
/// What PostgreSQL says (SQLSTATE XX001) of a damaged page.
const POSTGRES_CORRUPT: &str = "invalid page in block";
/// How PostgreSQL begins (SQLSTATE 57P01 and its kin) when it ends a session: on a shutdown, or by an administrator's hand.
const POSTGRES_ENDS: &str = "terminating connection";

impl Failure {
    /// Its stable name.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::Unavailable(_) => "unavailable",
            Self::Disconnected(_) => "disconnected",
            Self::OutcomeUnknown(_) => "outcome_unknown",
            Self::Full(_) => "full",
            Self::Corrupt(_) => "corrupt",
            Self::InvalidCursor(_) => "invalid_cursor",
        }
    }

    fn of_message(message: &str) -> Option<Self> {
        if message.contains(SQLITE_FULL) || message.contains(POSTGRES_FULL) {
            return Some(Self::Full(message.to_owned()));
        }
        if SQLITE_CORRUPT.iter().any(|text| message.contains(text)) || message.contains(POSTGRES_CORRUPT) {
            return Some(Self::Corrupt(message.to_owned()));
        }
        None
    }

    /// What it means that a database said so.
    #[must_use]
    pub fn of_database(message: &str) -> Self {
        Self::of_message(message).unwrap_or_else(|| Self::Unavailable(message.to_owned()))
    }

    /// What it means that a connection could not be opened.
    #[must_use]
    pub fn from_open(message: String) -> Self {
        Self::of_message(&message).unwrap_or(Self::Unavailable(message))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::DatabaseError(kind, information) => {
                let message = information.message();
                if let Some(failure) = Self::of_message(message) {
                    return failure;
                }
                match kind {
                    DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection => {
                        Self::Disconnected(message.to_owned())
                    }
                    _ if message.starts_with(POSTGRES_ENDS) => Self::Disconnected(message.to_owned()),
                    DatabaseErrorKind::UniqueViolation
                    | DatabaseErrorKind::ForeignKeyViolation
                    | DatabaseErrorKind::NotNullViolation
                    | DatabaseErrorKind::CheckViolation => Self::Corrupt(message.to_owned()),
                    _ => Self::Unavailable(message.to_owned()),
                }
            }
            Error::DeserializationError(error) | Error::SerializationError(error) => Self::Corrupt(error.to_string()),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<Failure> for velox_trading::StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Overloaded => Self::Unavailable("its queue is full".to_owned()),
            Failure::Unavailable(reason) | Failure::Disconnected(reason) => Self::Unavailable(reason),
            Failure::OutcomeUnknown(reason) => Self::OutcomeUnknown(reason),
            Failure::Full(reason) => Self::Full(reason),
            Failure::Corrupt(reason) => Self::Corrupt(reason),
            Failure::InvalidCursor(cursor) => Self::InvalidCursor(cursor),
        }
    }
}

impl From<Failure> for velox_kernel::ShardsAway {
    fn from(failure: Failure) -> Self {
        Self(failure.to_string())
    }
}

impl From<Failure> for velox_identity::StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Overloaded => Self::Overloaded,
            Failure::Unavailable(reason) | Failure::Disconnected(reason) | Failure::Full(reason) => {
                Self::Unavailable(reason)
            }
            Failure::OutcomeUnknown(reason) => Self::OutcomeUnknown(reason),
            Failure::Corrupt(reason) => Self::Corrupt(reason),
            Failure::InvalidCursor(cursor) => Self::Corrupt(cursor.to_string()),
        }
    }
}

impl From<Failure> for velox_brokers::StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Overloaded => Self::Overloaded,
            Failure::Unavailable(reason) | Failure::Disconnected(reason) | Failure::Full(reason) => {
                Self::Unavailable(reason)
            }
            Failure::OutcomeUnknown(reason) => Self::OutcomeUnknown(reason),
            Failure::Corrupt(reason) => Self::Corrupt(reason),
            Failure::InvalidCursor(_) => Self::InvalidCursor,
        }
    }
}

impl From<Failure> for velox_market::MarketStoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Corrupt(what) => Self::Unreadable { what },
            other => Self::Unavailable { reason: other.to_string() },
        }
    }
}
