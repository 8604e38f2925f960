//! Closing every position of an account.

use velox_kernel::{AccountId, Actor, Origin};
use velox_trading::{Order, account_state};

use crate::close_position::{ClosePositionError, close_position};
use crate::intake::Intake;
use crate::place_order::PlaceOrderError;

/// Places a reduce-only market order for every position that no open order closes already.
///
/// Each position is a command of its own: when one fails, those before it stand, and the call may be made again.
///
/// # Errors
/// [`ClosePositionError`] of the first position that could not be closed.
pub async fn close_all_positions(
    actor: &Actor,
    intake: &Intake,
    account: AccountId,
    origin: Origin,
) -> Result<Vec<Order>, ClosePositionError> {
    let state = account_state(actor, &intake.trading, account, None).await.map_err(PlaceOrderError::from)?;
    let mut orders = Vec::new();
    for position in state.positions().filter(|position| !position.quantity.is_zero()) {
        match close_position(actor, intake, account, position.symbol, None, origin).await {
            Ok(placed) => orders.push(placed.order),
            Err(ClosePositionError::NothingToClose(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(orders)
}
