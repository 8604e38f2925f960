//! Cancelling every open order of an account.

use velox_kernel::{AccountId, Actor, OrderId, Origin, Symbol};

use crate::command::Command;
use crate::refused::Refused;
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
    Execute(ExecuteError),
}

impl From<ExecuteError> for CancelAllOrdersError {
    fn from(error: ExecuteError) -> Self {
        match error {
            // The writer takes another tenant's account for none.
            ExecuteError::Refused(Refused::NotOpen) => Self::NotFound,
            other => Self::Execute(other),
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
    origin: Origin,
) -> Result<Vec<OrderId>, CancelAllOrdersError> {
    let cause = trading.cause(actor, origin);
    let executed = trading.writer.execute_for(actor.org, account, Command::CancelAll { symbol }, cause).await?;
    Ok(executed.events.iter().filter_map(|numbered| numbered.event.fact.order()).collect())
}
