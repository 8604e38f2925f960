//! Saying what every rule makes of an order, without placing it.

use velox_kernel::Actor;
use velox_trading::{Explanation, Refused, account_state};

use crate::intake::{Intake, OrderRequest};
use crate::place_order::{PlaceOrderError, place_command};

/// Why an order cannot be explained: as placing it.
pub type ExplainOrderError = PlaceOrderError;

/// What placing an order would do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The rules' verdicts, with the account's `seq` and the prices used.
    pub explanation: Explanation,
}

/// Says what every rule makes of an order now: each with its limit, its use and its headroom.
///
/// # Errors
/// [`ExplainOrderError`] where placing would be refused without an event.
pub async fn explain_order(
    actor: &Actor,
    intake: &Intake,
    request: &OrderRequest,
) -> Result<Explained, ExplainOrderError> {
    let (command, _) = place_command(intake, request).await?;
    let account = account_state(actor, &intake.trading, request.account, None).await?;
    let moment = intake.trading.moments.now();
    let explanation =
        account.explain(&command, &moment.context(&*intake.trading.prices)).map_err(|refused| match refused {
            Refused::NotOpen => PlaceOrderError::UnknownAccount,
            Refused::InvalidTerms(terms) => PlaceOrderError::InvalidTerms(terms),
            other => PlaceOrderError::Refused(other),
        })?;
    Ok(Explained { explanation })
}
