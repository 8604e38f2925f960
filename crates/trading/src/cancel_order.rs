//! Cancelling an open order.

use velox_kernel::{Actor, OrderId, Origin};

use crate::command::Command;
use crate::order::{Order, OrderStatus};
use crate::refused::Refused;
use crate::store::StoreError;
use crate::trading::Trading;
use crate::writer::ExecuteError;

/// Why an order was not cancelled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CancelOrderError {
    /// The tenant has no such order.
    #[error("there is no such order")]
    NotFound,
    /// It ended before.
    #[error("the order is {}", .0.as_str())]
    NotOpen(OrderStatus),
    /// The command was not carried out, or may not have been.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// The read tables could not be read; nothing was done.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is cancelled, and could not be read afterwards.
    #[error("the order is cancelled; it could not be read: {0}")]
    CanceledUnread(StoreError),
}

/// Cancels an order: at once when no broker has seen it, else by asking the broker. Asking again changes nothing.
///
/// # Errors
/// [`CancelOrderError`].
pub async fn cancel_order(
    actor: &Actor,
    trading: &Trading,
    id: OrderId,
    origin: Origin,
) -> Result<Order, CancelOrderError> {
    let order = trading.queries.order(actor.org, id).await?.ok_or(CancelOrderError::NotFound)?;
    let cause = trading.cause(actor, origin);
    let executed =
        match trading.writer.execute_for(actor.org, order.account, Command::Cancel { order: id }, cause).await {
            Err(ExecuteError::Refused(Refused::OrderNotOpen { status })) => {
                return Err(CancelOrderError::NotOpen(status));
            }
            Err(ExecuteError::Refused(Refused::UnknownOrder)) => return Err(CancelOrderError::NotFound),
            other => other?,
        };
    match executed.account.open_order(id) {
        Some(open) => Ok(open.clone()),
        // It ended with this command: the read tables followed in the same commit.
        None => {
            let ended = trading.queries.order(actor.org, id).await.map_err(CancelOrderError::CanceledUnread)?;
            ended.ok_or(CancelOrderError::NotFound)
        }
    }
}
