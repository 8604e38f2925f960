//! `log_in`: an address and a password become a session.

use crate::sign_in::draft_session;
use crate::{Email, Identity, IdentityFailure, Password, SessionLabel, SignedIn};

/// Who wants in.
#[derive(Clone, Debug)]
pub struct LogIn {
    /// The address.
    pub email: Email,
    /// The password, as it was typed.
    pub password: Password,
    /// The client's name.
    pub label: SessionLabel,
}

/// Why nobody was let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogInError {
    /// The address, the password or the user's access is not right. Which of them is not told.
    #[error("the e-mail address or the password is wrong")]
    InvalidCredentials,
    /// A port failed.
    #[error(transparent)]
    Failure(#[from] IdentityFailure),
}

/// Opens a session.
///
/// An unknown address costs the same work as a known one: the password is checked against a decoy, so that the time of
/// the answer does not tell who has an account.
///
/// # Errors
/// See [`LogInError`].
pub async fn log_in(identity: &Identity, command: LogIn) -> Result<SignedIn, LogInError> {
    let LogIn { email, password, label } = command;
    let found = identity.ports.store.user_by_email(&email).await.map_err(IdentityFailure::from)?;
    let hash = found.as_ref().map_or_else(|| identity.ports.hasher.decoy(), |user| user.password_hash.clone());
    let fits = identity.ports.hasher.verify(&password, &hash).await.map_err(IdentityFailure::from)?;
    let Some(user) = found.filter(|user| fits && !user.disabled) else {
        return Err(LogInError::InvalidCredentials);
    };
    let draft = draft_session(identity, &user, label, identity.now()).map_err(IdentityFailure::from)?;
    let opened = identity.ports.store.open_session(&draft.new, user.session_version).await;
    if opened.map_err(IdentityFailure::from)? {
        Ok(draft.signed_in(identity, user).map_err(IdentityFailure::from)?)
    } else {
        // The password was changed, or the user disabled, while the old one was being checked.
        Err(LogInError::InvalidCredentials)
    }
}
