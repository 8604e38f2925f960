//! `is_host`: whether the actor's organisation is the one that runs the installation.

use velox_kernel::Actor;

use crate::{Identity, StoreError};

/// Whether the actor belongs to the host: the organisation of the installation's first user. What all tenants share is
/// the host's to change. What role the actor needs there is another question.
///
/// # Errors
/// [`StoreError`] when it was never told before and the store does not answer.
pub async fn is_host(identity: &Identity, actor: &Actor) -> Result<bool, StoreError> {
    Ok(identity.host().await? == Some(actor.org))
}
