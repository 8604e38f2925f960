//! `list_connections`: the connections of the actor's organisation.

use velox_kernel::{Actor, Page, PageRequest};

use crate::{Brokers, Connection, StoreError};

/// A page of connections, in the order they were made.
///
/// # Errors
/// [`StoreError`].
pub async fn list_connections(
    brokers: &Brokers,
    actor: &Actor,
    page: &PageRequest,
) -> Result<Page<Connection>, StoreError> {
    brokers.store.list(actor.org, page).await
}
