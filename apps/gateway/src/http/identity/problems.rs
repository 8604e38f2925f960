//! From identity's errors to problems: each variant once.

use std::time::Duration;

use actix_web::http::header::{self, HeaderValue};
use velox_identity::{
    ChangePasswordError, ChangeUserError, HasherError, IdentityFailure, InvalidRiskSettings, LogInError,
    PasswordTooLong, RefreshSessionError, RegisterError, StoreError, UpdateRiskSettingsError, WeakPassword,
};
use velox_kernel::{ErrorCode, error_code};

use crate::bridges::BringLimitsError;
use crate::http::{IfMatch, Outcome, Problem};

/// When to try again where nobody knows better.
const SOON: Duration = Duration::from_secs(1);

/// The user of a valid token is gone: deleted since it was given out.
pub(super) fn no_user() -> Problem {
    Problem::of(error_code::NOT_FOUND).detail("There is no such user any more.")
}

/// A 401, with what it must carry (RFC 9110 §15.5.2).
fn unauthenticated(code: ErrorCode) -> Problem {
    Problem::of(code).header(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer realm="velox""#))
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Overloaded => Self::of(error_code::OVERLOADED).retry_after(SOON).caused_by(error),
            StoreError::Unavailable(_) => Self::of(error_code::STORE_UNAVAILABLE).retry_after(SOON).caused_by(error),
            StoreError::OutcomeUnknown(_) => Self::of(error_code::OUTCOME_UNKNOWN).retry_after(SOON).caused_by(error),
            StoreError::Corrupt(_) => Self::internal(error),
        }
    }
}

impl From<IdentityFailure> for Problem {
    fn from(failure: IdentityFailure) -> Self {
        match failure {
            IdentityFailure::Store(error) => error.into(),
            IdentityFailure::Hasher(HasherError::Overloaded) => {
                Self::of(error_code::OVERLOADED).detail("Too many passwords are being checked.").retry_after(SOON)
            }
            IdentityFailure::Hasher(error) => Self::internal(error).outcome(Outcome::NotExecuted),
            // The session may be kept by the time its token is signed.
            IdentityFailure::Signer(error) => Self::internal(error),
            IdentityFailure::Secrets(error) => Self::internal(error).outcome(Outcome::NotExecuted),
        }
    }
}

/// A password that the policy refuses, at its place in the body.
fn weak(pointer: &str, weak: WeakPassword) -> Problem {
    Problem::of(error_code::WEAK_PASSWORD).detail(format!("The password {weak}.")).field(pointer, weak)
}

/// A password that nobody can have.
pub(super) fn too_long(pointer: &str, error: PasswordTooLong) -> Problem {
    Problem::of(error_code::INVALID_REQUEST).field(pointer, error)
}

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Closed => Self::of(error_code::REGISTRATION_CLOSED),
            RegisterError::WeakPassword(rule) => weak("/password", rule),
            RegisterError::EmailTaken => Self::of(error_code::EMAIL_TAKEN).field("/email", "is another user's"),
            RegisterError::Failure(failure) => failure.into(),
        }
    }
}

impl From<LogInError> for Problem {
    fn from(error: LogInError) -> Self {
        match error {
            LogInError::InvalidCredentials => unauthenticated(error_code::INVALID_CREDENTIALS),
            LogInError::Failure(failure) => failure.into(),
        }
    }
}

impl From<RefreshSessionError> for Problem {
    fn from(error: RefreshSessionError) -> Self {
        match error {
            RefreshSessionError::Invalid => unauthenticated(error_code::INVALID_REFRESH_TOKEN),
            RefreshSessionError::Reused => unauthenticated(error_code::INVALID_REFRESH_TOKEN)
                .detail("It was used before: somebody has a copy, so its session was ended. Sign in again."),
            RefreshSessionError::Failure(failure) => failure.into(),
        }
    }
}

impl From<ChangePasswordError> for Problem {
    fn from(error: ChangePasswordError) -> Self {
        match error {
            ChangePasswordError::WrongPassword => {
                Self::of(error_code::WRONG_PASSWORD).field("/current_password", "is not your password")
            }
            ChangePasswordError::WeakPassword(rule) => weak("/new_password", rule),
            ChangePasswordError::Conflict => {
                Self::of(error_code::CONFLICT).detail("The password or your access was changed meanwhile.")
            }
            ChangePasswordError::Failure(failure) => failure.into(),
        }
    }
}

/// Why a profile stays as it is, for a change made on a version.
pub(super) fn unchanged(error: ChangeUserError, on: IfMatch) -> Problem {
    match error {
        ChangeUserError::NotFound => no_user(),
        ChangeUserError::Conflict => on.refuse(),
        ChangeUserError::Store(error) => error.into(),
    }
}

/// Why limits stay as they are, for a change made on a version.
pub(super) fn limits_unchanged(error: UpdateRiskSettingsError, on: IfMatch) -> Problem {
    match error {
        UpdateRiskSettingsError::Invalid(InvalidRiskSettings { field, problem }) => {
            Problem::of(error_code::INVALID_REQUEST).field(format!("/{field}"), problem)
        }
        UpdateRiskSettingsError::Change(error) => unchanged(error, on),
    }
}

impl From<BringLimitsError> for Problem {
    /// The settings are kept by then, and some accounts may have them.
    fn from(error: BringLimitsError) -> Self {
        Self::of(error_code::OUTCOME_UNKNOWN)
            .detail("The settings are kept; whether every account has them could not be told. Send them again.")
            .retry_after(SOON)
            .caused_by(error)
    }
}
