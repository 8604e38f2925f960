//! Cancelling every open order of an account.

use velox_kernel::{AccountId, Actor, OrderId, RequestId, Symbol};

use crate::command::Command;
use crate::get_account::{GetAccountError, get_account};
use crate::store::StoreError;
use crate::trading::Trading;
use crate::writer::ExecuteError;

/// Why orders were not cancelled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CancelAllOrdersError {
    /// The tenant has no such account.
    #[error("there is no such account")]
    NotFound,
    /// The command was not carried out, or may not have been.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// The read tables could not be read; nothing was done.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<GetAccountError> for CancelAllOrdersError {
    fn from(error: GetAccountError) -> Self {
        match error {
            GetAccountError::NotFound => Self::NotFound,
            GetAccountError::Store(error) => Self::Store(error),
        }
    }
}

/// Cancels every open order of an account, or those of one instrument. Gives the orders whose cancel this call began.
///
/// # Errors
/// [`CancelAllOrdersError`].
pub async fn cancel_all_orders(
    actor: &Actor,
    trading: &Trading,
    account: AccountId,
    symbol: Option<Symbol>,
    request: Option<RequestId>,
) -> Result<Vec<OrderId>, CancelAllOrdersError> {
    get_account(actor, trading, account).await?;
    let cause = trading.cause(actor, request);
    let executed = trading.writer.execute_for(actor.org, account, Command::CancelAll { symbol }, cause).await?;
    let orders = executed.events.iter().filter_map(|record| record.event().ok()?.fact.order());
    Ok(orders.collect())
}
