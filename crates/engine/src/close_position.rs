//! Closing a position by a reduce-only market order.

use serde::Serialize;
use velox_kernel::{AccountId, Actor, ClientOrderId, Origin, Symbol};
use velox_trading::{ClosePosition, Command, ExecuteError, Refused};

use crate::fingerprint::fingerprint;
use crate::intake::Intake;
use crate::place_order::{PlaceOrderError, Placed, answer_at, first_answer, own_client_id};

/// Why a position was not closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClosePositionError {
    /// There is nothing to close, or open orders close it already.
    #[error("{0}")]
    NothingToClose(Refused),
    /// As placing an order.
    #[error(transparent)]
    Place(#[from] PlaceOrderError),
}

impl From<ExecuteError> for ClosePositionError {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Refused(refused @ (Refused::NoPosition | Refused::ClosingAlready)) => {
                Self::NothingToClose(refused)
            }
            other => Self::Place(other.into()),
        }
    }
}

#[derive(Serialize)]
struct Request {
    account: AccountId,
    symbol: Symbol,
}

/// Places a reduce-only market order for what no open order closes already.
///
/// # Errors
/// [`ClosePositionError`].
pub async fn close_position(
    actor: &Actor,
    intake: &Intake,
    account: AccountId,
    symbol: Symbol,
    client_order_id: Option<ClientOrderId>,
    origin: Origin,
) -> Result<Placed, ClosePositionError> {
    let rules = intake.rules(symbol).await.map_err(PlaceOrderError::from)?.ok_or(PlaceOrderError::UnknownSymbol)?;
    let trading = &intake.trading;
    let order = trading.new_order_id();
    let client_order_id = match client_order_id {
        Some(id) => id,
        None => own_client_id(order)?,
    };
    let fingerprint = fingerprint("close", &Request { account, symbol });
    let command = Command::ClosePosition(ClosePosition { symbol, order, client_order_id, fingerprint, rules });
    let cause = trading.cause(actor, origin);
    match trading.writer.execute_for(actor.org, account, command, cause).await {
        Ok(executed) => {
            let first = executed.events.first().ok_or(PlaceOrderError::UnknownAccount)?;
            Ok(Placed { order: first_answer(account, first, order)?, repeated: false })
        }
        Err(ExecuteError::Refused(Refused::Repeated { order, seq })) => {
            Ok(Placed { order: answer_at(trading, account, order, seq).await?, repeated: true })
        }
        Err(error) => Err(error.into()),
    }
}
