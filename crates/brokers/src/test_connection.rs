//! `test_connection`: does the broker let us in, and how quickly.

use velox_kernel::{Actor, ConnectionId};

use crate::{Brokers, Connection, Credential, ProbeReport, SecretBoxError, SecretPlace, StoreError};

/// Why a connection was not tried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TestConnectionError {
    /// The actor's organisation has no such connection.
    #[error("there is no such connection")]
    NotFound,
    /// The credentials cannot be opened.
    #[error("the credential {field} cannot be opened: {error}")]
    Credential {
        /// Which.
        field: String,
        /// Why.
        error: SecretBoxError,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Runs the broker's checks with the kept credentials. A check that fails is a result, not an error.
///
/// # Errors
/// See [`TestConnectionError`].
pub async fn test_connection(
    brokers: &Brokers,
    actor: &Actor,
    id: ConnectionId,
) -> Result<ProbeReport, TestConnectionError> {
    let connection = brokers.store.get(actor.org, id).await?.ok_or(TestConnectionError::NotFound)?;
    let credentials = open_credentials(brokers, &connection).await?;
    Ok(brokers.probe.probe(&connection, &credentials).await)
}

/// The credentials of a connection in the clear, for whoever speaks to its broker.
///
/// # Errors
/// See [`TestConnectionError`].
pub async fn open_credentials(
    brokers: &Brokers,
    connection: &Connection,
) -> Result<Vec<Credential>, TestConnectionError> {
    let Connection { org, id, .. } = *connection;
    let sealed = brokers.store.credentials(org, id).await?;
    sealed
        .into_iter()
        .map(|kept| {
            let place = SecretPlace { org, connection: id, field: &kept.field };
            match brokers.secret_box.open(&place, &kept.sealed) {
                Ok(value) => Ok(Credential { field: kept.field, value }),
                Err(error) => Err(TestConnectionError::Credential { field: kept.field, error }),
            }
        })
        .collect()
}
