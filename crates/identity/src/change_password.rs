//! `change_password`: a new password, and every sign-in made with the old one ends.

use secrecy::{ExposeSecret, SecretString};
use velox_kernel::Actor;

use crate::sign_in::draft_session;
use crate::{
    Identity, IdentityFailure, NewPassword, Password, PasswordChange, PasswordChanged, SessionLabel, SignedIn,
    WeakPassword,
};

/// The old password and the new one.
#[derive(Clone, Debug)]
pub struct ChangePassword {
    /// The one that is set, as it was typed.
    pub current: Password,
    /// The one to set, as it was typed.
    pub new: SecretString,
    /// The client's name, for the session that goes on.
    pub label: SessionLabel,
}

/// Why the password stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangePasswordError {
    /// The current password is wrong.
    #[error("the current password is wrong")]
    WrongPassword,
    /// The new one does not keep to the policy.
    #[error("the password {0}")]
    WeakPassword(#[from] WeakPassword),
    /// Somebody changed it, or the user's access, meanwhile.
    #[error("the password or the user's access was changed meanwhile")]
    Conflict,
    /// A port failed.
    #[error(transparent)]
    Failure(#[from] IdentityFailure),
}

/// Sets a new password, ends every session of the user, the actor's too, and signs the actor in anew: whoever holds a
/// token of before is out.
///
/// # Errors
/// See [`ChangePasswordError`].
pub async fn change_password(
    identity: &Identity,
    actor: &Actor,
    command: ChangePassword,
) -> Result<SignedIn, ChangePasswordError> {
    let ports = &identity.ports;
    let user = ports.store.user(actor.org, actor.user).await.map_err(IdentityFailure::from)?;
    let mut user = user.ok_or(ChangePasswordError::Conflict)?;
    if !ports.hasher.verify(&command.current, &user.password_hash).await.map_err(IdentityFailure::from)? {
        return Err(ChangePasswordError::WrongPassword);
    }
    let new = NewPassword::new(command.new.expose_secret(), &user.email, &user.display_name)?;
    let hash = ports.hasher.hash(new.password()).await.map_err(IdentityFailure::from)?;
    let now = identity.now();
    let draft = draft_session(identity, &user, command.label, now).map_err(IdentityFailure::from)?;
    let change = PasswordChange {
        org: actor.org,
        user: actor.user,
        expected_session_version: user.session_version,
        hash,
        session: draft.new.clone(),
        now,
    };
    let forget = identity.forget_user(actor.user);
    match ports.store.change_password(&change).await.map_err(IdentityFailure::from)? {
        PasswordChanged::Changed { ended, session_version } => {
            drop(forget);
            identity.sessions_ended(&ended);
            user.session_version = session_version;
            user.password_hash = change.hash;
            user.updated_at = now;
            Ok(draft.signed_in(identity, user).map_err(IdentityFailure::from)?)
        }
        PasswordChanged::Stale => Err(ChangePasswordError::Conflict),
    }
}
