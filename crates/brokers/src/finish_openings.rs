//! `finish_openings`: connections whose making was interrupted get their account.

use velox_kernel::Principal;

use crate::{AccountsUnavailable, Brokers, Connection, ConnectionStatus, StoreError};

/// The most connections looked at in one call.
const MOST: u16 = 100;

/// Why an opening is still open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FinishOpeningError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The accounts could not be reached.
    #[error(transparent)]
    Accounts(#[from] AccountsUnavailable),
}

/// Opens the accounts of connections that are still `opening`, oldest first, and says how many it finished. Call it at
/// the start.
///
/// # Errors
/// The first [`FinishOpeningError`]; the connections before it are finished.
pub async fn finish_openings(brokers: &Brokers) -> Result<usize, FinishOpeningError> {
    let openings = brokers.store.openings(MOST).await?;
    let count = openings.len();
    for connection in openings {
        finish_opening(brokers, connection, Principal::System).await?;
    }
    Ok(count)
}

/// Opens the account of one connection and makes the connection active.
pub(crate) async fn finish_opening(
    brokers: &Brokers,
    mut connection: Connection,
    by: Principal,
) -> Result<(), FinishOpeningError> {
    brokers.accounts.open(&connection, by).await?;
    connection.status = ConnectionStatus::Active;
    // A wrong version means that somebody else has finished it, or deleted it: either way there is nothing to do.
    brokers.store.update(&connection, None).await?;
    Ok(())
}
