//! `revoke_session`: a user ends one of their sign-ins.

use velox_kernel::{Actor, SessionId};

use crate::end_sessions::end_sessions;
use crate::{Identity, StoreError};

/// Ends a session of the actor's user. `false` when the user has no such live session.
///
/// # Errors
/// [`StoreError`]: the session may still be live.
pub async fn revoke_session(identity: &Identity, actor: &Actor, session: SessionId) -> Result<bool, StoreError> {
    Ok(!end_sessions(identity, actor, Some(session)).await?.is_empty())
}
