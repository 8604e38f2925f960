//! `log_out`: the actor's session ends.

use velox_kernel::Actor;

use crate::end_sessions::end_sessions;
use crate::{Identity, StoreError};

/// Ends the actor's session. Its tokens are refused from now on and its sockets close. Doing it twice does no harm.
///
/// # Errors
/// [`StoreError`]: the session may still be live.
pub async fn log_out(identity: &Identity, actor: &Actor) -> Result<(), StoreError> {
    end_sessions(identity, actor, Some(actor.session)).await.map(drop)
}
