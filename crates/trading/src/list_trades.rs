//! The tenant's fills.

use velox_kernel::{Actor, Page, PageRequest};

use crate::get_account::{GetAccountError, get_account};
use crate::projection::RecordedFill;
use crate::store::FillFilter;
use crate::trading::Trading;

/// A page of the tenant's fills, newest first. An account in the filter that is not the tenant's is none.
///
/// # Errors
/// [`GetAccountError`].
pub async fn list_trades(
    actor: &Actor,
    trading: &Trading,
    filter: &FillFilter,
    page: &PageRequest,
) -> Result<Page<RecordedFill>, GetAccountError> {
    for account in filter.accounts.named() {
        get_account(actor, trading, *account).await?;
    }
    Ok(trading.lists.fills(actor.org, filter, page).await?)
}
