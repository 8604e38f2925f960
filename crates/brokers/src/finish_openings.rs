//! `finish_openings`: connections whose making was interrupted get their account.

use velox_kernel::{ConnectionId, Principal};

use crate::{AccountsUnavailable, Brokers, Connection, ConnectionStatus, StoreError};

/// The most connections looked at in one call.
const MOST: u16 = 100;
/// How often a connection that others change meanwhile is finished anew.
const TRIES: usize = 4;

/// Why an opening is still open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FinishOpeningError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The accounts could not be reached.
    #[error(transparent)]
    Accounts(#[from] AccountsUnavailable),
    /// Others changed the connection again and again.
    #[error("others changed the connection again and again")]
    Contended,
}

/// What one look at the openings came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpeningsLook {
    /// How many connections are active now.
    pub finished: usize,
    /// Those that are still opening, and why.
    pub left: Vec<(ConnectionId, FinishOpeningError)>,
    /// Where the next look goes on; `None` when this one saw the last opening.
    pub next: Option<ConnectionId>,
}

/// Opens the accounts of connections that are still `opening`, oldest first: of the first hundred after `after`. One
/// that fails does not keep the others waiting.
///
/// # Errors
/// [`StoreError`] when the openings cannot be listed.
pub async fn finish_openings(brokers: &Brokers, after: Option<ConnectionId>) -> Result<OpeningsLook, StoreError> {
    let openings = brokers.store.openings(after, MOST).await?;
    let mut look = OpeningsLook::default();
    if openings.len() == usize::from(MOST) {
        look.next = openings.last().map(|connection| connection.id);
    }
    for connection in openings {
        let id = connection.id;
        match finish_opening(brokers, connection, Principal::System).await {
            Ok(()) => look.finished += 1,
            Err(error) => look.left.push((id, error)),
        }
    }
    Ok(look)
}

/// Opens the account of one connection and makes the connection active.
pub(crate) async fn finish_opening(
    brokers: &Brokers,
    mut connection: Connection,
    by: Principal,
) -> Result<(), FinishOpeningError> {
    for _ in 0..TRIES {
        brokers.accounts.open(&connection, by).await?;
        connection.status = ConnectionStatus::Active;
        if brokers.store.update(&connection, None).await? {
            return Ok(());
        }
        // Somebody has finished it or deleted it, and there is nothing to do; or changed it while it was opening, and
        // then the account takes the new settings too.
        match brokers.store.get(connection.org, connection.id).await? {
            Some(kept) if kept.status == ConnectionStatus::Opening => connection = kept,
            Some(_) | None => return Ok(()),
        }
    }
    Err(FinishOpeningError::Contended)
}
