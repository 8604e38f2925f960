//! `list_sessions`: where the actor's user is signed in.

use velox_kernel::Actor;

use crate::{Identity, Session, StoreError};

/// The most sessions shown.
const MOST: u16 = 200;

/// The user's live sessions, the last used first; at most 200.
///
/// # Errors
/// [`StoreError`].
pub async fn list_sessions(identity: &Identity, actor: &Actor) -> Result<Vec<Session>, StoreError> {
    identity.ports.store.live_sessions(actor.org, actor.user, identity.now(), MOST).await
}
