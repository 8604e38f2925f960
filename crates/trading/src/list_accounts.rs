//! The tenant's accounts.

use velox_kernel::{Actor, Page, PageRequest};

use crate::projection::AccountRow;
use crate::store::StoreError;
use crate::trading::Trading;

/// A page of the tenant's accounts, oldest first.
///
/// # Errors
/// [`StoreError`] when the read tables could not be read, or the cursor is of another list.
pub async fn list_accounts(
    actor: &Actor,
    trading: &Trading,
    page: &PageRequest,
) -> Result<Page<AccountRow>, StoreError> {
    trading.lists.accounts(actor.org, page).await
}
