//! `prune_sessions`: what ended long ago is deleted.

use std::time::Duration;

use crate::{Identity, StoreError};

/// How long ended sessions and tokens are kept, for whoever asks what happened.
const KEPT: Duration = Duration::from_secs(24 * 3_600);

/// Deletes sessions and refresh tokens that ended more than a day ago, some at a time; call it until it says 0.
///
/// # Errors
/// [`StoreError`].
pub async fn prune_sessions(identity: &Identity) -> Result<u64, StoreError> {
    identity.ports.store.prune(identity.now().minus(KEPT)).await
}
