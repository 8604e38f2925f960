//! `log_out_everywhere`: every session of the actor's user ends.

use velox_kernel::{Actor, SessionId};

use crate::end_sessions::end_sessions;
use crate::{Identity, StoreError};

/// Ends every session of the actor's user, this one too, and says which were live.
///
/// # Errors
/// [`StoreError`]: the sessions may still be live.
pub async fn log_out_everywhere(identity: &Identity, actor: &Actor) -> Result<Vec<SessionId>, StoreError> {
    end_sessions(identity, actor, None).await
}
