//! `prune_idempotency_keys`: keys whose time is over are deleted.

use crate::{Brokers, StoreError};

/// Deletes idempotency keys that have expired, some at a time; call it until it says 0.
///
/// # Errors
/// [`StoreError`].
pub async fn prune_idempotency_keys(brokers: &Brokers) -> Result<u64, StoreError> {
    brokers.store.prune_keys(brokers.clock.now()).await
}
