//! `change_access`: an admin gives a user another role, or shuts them out.

use velox_kernel::{Actor, Role, UserId};

use crate::{AccessChange, Identity, StoreError};

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeAccessError {
    /// The organisation has no such user.
    #[error("there is no such user")]
    NotFound,
    /// Nobody changes their own access: an organisation would be left without an admin.
    #[error("nobody changes their own access")]
    OwnAccess,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sets a user's role and whether they may sign in; every session of theirs ends.
///
/// # Errors
/// See [`ChangeAccessError`].
pub async fn change_access(
    identity: &Identity,
    actor: &Actor,
    user: UserId,
    role: Role,
    disabled: bool,
) -> Result<(), ChangeAccessError> {
    if user == actor.user {
        return Err(ChangeAccessError::OwnAccess);
    }
    let forget = identity.forget_user(user);
    let change = AccessChange { org: actor.org, user, role, disabled, now: identity.now() };
    let ended = identity.ports.store.change_access(&change).await?.ok_or(ChangeAccessError::NotFound)?;
    drop(forget);
    identity.sessions_ended(&ended);
    Ok(())
}
