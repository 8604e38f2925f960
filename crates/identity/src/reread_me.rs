//! `reread_me`: the actor's own user as the store has it now.

use velox_kernel::Actor;

use crate::{Identity, StoreError, User};

/// The actor's user, past what is remembered: for whoever must know what another process has just written. `None`
/// when the user is gone.
///
/// # Errors
/// [`StoreError`].
pub async fn reread_me(identity: &Identity, actor: &Actor) -> Result<Option<User>, StoreError> {
    identity.ports.store.user(actor.org, actor.user).await
}
