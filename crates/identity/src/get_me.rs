//! `get_me`: the actor's own user, settings and risk settings included.

use std::sync::Arc;

use velox_kernel::Actor;

use crate::{Identity, StoreError, User};

/// The actor's user, from memory when it is there. `None` when the user is gone.
///
/// # Errors
/// [`StoreError`] when it is not in memory and the store does not answer.
pub async fn get_me(identity: &Identity, actor: &Actor) -> Result<Option<Arc<User>>, StoreError> {
    identity.remembered_user(actor.org, actor.user).await
}
