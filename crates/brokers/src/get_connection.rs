//! `get_connection`: one connection of the actor's organisation.

use velox_kernel::{Actor, ConnectionId};

use crate::{Brokers, Connection, StoreError};

/// The connection; `None` when the actor's organisation has none of this id.
///
/// # Errors
/// [`StoreError`].
pub async fn get_connection(
    brokers: &Brokers,
    actor: &Actor,
    id: ConnectionId,
) -> Result<Option<Connection>, StoreError> {
    brokers.store.get(actor.org, id).await
}
