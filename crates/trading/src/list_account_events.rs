//! The log of one account, as its owner may read it.

use velox_kernel::{AccountId, Actor};

use crate::get_account::{GetAccountError, get_account};
use crate::log::RecordedEvent;
use crate::trading::Trading;

/// Up to `limit` events of an account after number `after`, in order.
///
/// # Errors
/// [`GetAccountError`].
pub async fn list_account_events(
    actor: &Actor,
    trading: &Trading,
    account: AccountId,
    after: u64,
    limit: u32,
) -> Result<Vec<RecordedEvent>, GetAccountError> {
    get_account(actor, trading, account).await?;
    Ok(trading.log.events(account, after, limit).await?)
}
