//! One of the tenant's accounts.

use velox_kernel::{AccountId, Actor};

use crate::projection::AccountRow;
use crate::store::StoreError;
use crate::trading::Trading;

/// Why there is no account to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GetAccountError {
    /// The tenant has no such account.
    #[error("there is no such account")]
    NotFound,
    /// The read tables could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One of the tenant's accounts.
///
/// # Errors
/// [`GetAccountError`].
pub async fn get_account(actor: &Actor, trading: &Trading, account: AccountId) -> Result<AccountRow, GetAccountError> {
    trading.queries.account(actor.org, account).await?.ok_or(GetAccountError::NotFound)
}
