//! An account as it is, or as it was at a moment.

use velox_kernel::{AccountId, Actor, Timestamp};

use crate::account::Account;
use crate::get_account::{GetAccountError, get_account};
use crate::live::{DamagedLog, LiveAccount};
use crate::store::StoreError;
use crate::trading::Trading;
use crate::writer::ExecuteError;

/// Events read at a time.
const PAGE: u32 = 1_000;

/// Why there is no state to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountStateError {
    /// The tenant has no such account, or it had not been opened by then.
    #[error("there is no such account")]
    NotFound,
    /// The log does not give an account.
    #[error(transparent)]
    Damaged(#[from] DamagedLog),
    /// The writer did not answer.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The account as it is now, or folded from its log as it was at a moment of market time.
///
/// # Errors
/// [`AccountStateError`].
pub async fn account_state(
    actor: &Actor,
    trading: &Trading,
    account: AccountId,
    at: Option<Timestamp>,
) -> Result<Account, AccountStateError> {
    match get_account(actor, trading, account).await {
        Ok(_) => {}
        Err(GetAccountError::NotFound) => return Err(AccountStateError::NotFound),
        Err(GetAccountError::Store(error)) => return Err(error.into()),
    }
    let Some(at) = at else {
        return Ok(trading.writer.read(account).await?);
    };
    let mut live = LiveAccount::unopened(account);
    loop {
        let page = trading.log.events(account, live.head().seq, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for record in &page {
            if record.market_time > at {
                return opened(live);
            }
            live.follow(record)?;
        }
    }
    opened(live)
}

fn opened(live: LiveAccount) -> Result<Account, AccountStateError> {
    if live.account().profile().is_none() {
        return Err(AccountStateError::NotFound);
    }
    Ok(live.account().clone())
}
