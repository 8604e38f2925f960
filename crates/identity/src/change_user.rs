//! What the changes of a profile share: read, change, write if nobody else did.

use velox_kernel::Actor;

use crate::{Identity, StoreError, User};

/// How often a change without an expected version is tried again when another one came first.
const TRIES: usize = 4;

/// Why a profile stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeUserError {
    /// The user is gone.
    #[error("there is no such user")]
    NotFound,
    /// The version is another than expected: read it again.
    #[error("somebody changed it meanwhile")]
    Conflict,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Applies `change` to the actor's user as the store has it, at `expected` version if one is given.
pub(crate) async fn change_user(
    identity: &Identity,
    actor: &Actor,
    expected: Option<u64>,
    change: impl Fn(&mut User) + Send + Sync,
) -> Result<User, ChangeUserError> {
    for _ in 0..TRIES {
        let found = identity.ports.store.user(actor.org, actor.user).await?;
        let mut user = found.ok_or(ChangeUserError::NotFound)?;
        if expected.is_some_and(|version| version != user.version) {
            return Err(ChangeUserError::Conflict);
        }
        change(&mut user);
        user.updated_at = identity.now();
        let _forget = identity.forget_user(actor.user);
        if identity.ports.store.update_user(&user).await? {
            user.version += 1;
            return Ok(user);
        }
    }
    Err(ChangeUserError::Conflict)
}
