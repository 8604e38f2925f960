//! What every way out shares.

use velox_kernel::{Actor, SessionId};

use crate::{EndSessions, Identity, StoreError};

/// Ends one session of the actor's user, or all of them, and says which ended.
pub(crate) async fn end_sessions(
    identity: &Identity,
    actor: &Actor,
    only: Option<SessionId>,
) -> Result<Vec<SessionId>, StoreError> {
    let forget = identity.forget_user(actor.user);
    let end = EndSessions { org: actor.org, user: actor.user, only, now: identity.now() };
    let ended = identity.ports.store.end_sessions(&end).await?;
    drop(forget);
    identity.sessions_ended(&ended);
    Ok(ended)
}
