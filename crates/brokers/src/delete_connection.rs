//! `delete_connection`: a connection and its credentials go.

use velox_kernel::{Actor, ConnectionId};

use crate::{AccountsUnavailable, Brokers, Retirement, StoreError};

/// Why a connection stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeleteConnectionError {
    /// The actor's organisation has no such connection.
    #[error("there is no such connection")]
    NotFound,
    /// An account of it has open orders or a position.
    #[error("an account of the connection has open orders or a position")]
    InUse,
    /// The connection could not be read; nothing was done.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The accounts are closed for good, and the store failed to delete the connection, or to tell whether it did:
    /// deleting it again does the rest.
    #[error("the connection's accounts are closed, and it was not seen to be deleted: {0}")]
    Unfinished(StoreError),
    /// Whether it is in use could not be told: nothing was deleted.
    #[error(transparent)]
    Accounts(#[from] AccountsUnavailable),
}

/// Retires the connection's accounts and deletes the connection. The accounts' history stays.
///
/// # Errors
/// See [`DeleteConnectionError`].
pub async fn delete_connection(
    brokers: &Brokers,
    actor: &Actor,
    id: ConnectionId,
) -> Result<(), DeleteConnectionError> {
    let connection = brokers.store.get(actor.org, id).await?.ok_or(DeleteConnectionError::NotFound)?;
    match brokers.accounts.retire(&connection, actor).await? {
        Retirement::InUse => Err(DeleteConnectionError::InUse),
        Retirement::Retired => {
            let deleted = brokers.store.delete(actor.org, id).await.map_err(DeleteConnectionError::Unfinished)?;
            if deleted { Ok(()) } else { Err(DeleteConnectionError::NotFound) }
        }
    }
}
