//! The tenant's orders.

use velox_kernel::{Actor, Page, PageRequest};

use crate::get_account::{GetAccountError, get_account};
use crate::order::Order;
use crate::store::OrderFilter;
use crate::trading::Trading;

/// A page of the tenant's orders, newest first. An account in the filter that is not the tenant's is none.
///
/// # Errors
/// [`GetAccountError`].
pub async fn list_orders(
    actor: &Actor,
    trading: &Trading,
    filter: &OrderFilter,
    page: &PageRequest,
) -> Result<Page<Order>, GetAccountError> {
    for account in filter.accounts.named() {
        get_account(actor, trading, *account).await?;
    }
    Ok(trading.lists.orders(actor.org, filter, page).await?)
}
