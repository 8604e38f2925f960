//! The positions of an account, with what they are worth now.

use velox_kernel::{AccountId, Actor, DecimalError, Money, Price, StrategyId, Symbol};

use crate::context::Prices;
use crate::get_account::{GetAccountError, get_account};
use crate::position::Position;
use crate::store::StoreError;
use crate::trading::Trading;

/// A position and what it is worth at the market's price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedPosition {
    /// The account.
    pub account: AccountId,
    /// The strategy; `None` for the account's own, net of all strategies.
    pub strategy: Option<StrategyId>,
    /// The position.
    pub position: Position,
    /// The market's price; `None` when there is none.
    pub mark: Option<Price>,
    /// Its profit and loss at the mark.
    pub unrealised: Option<Money>,
    /// What it is worth at the mark, as a magnitude.
    pub notional: Option<Money>,
}

/// Why positions cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListPositionsError {
    /// The tenant has no such account.
    #[error("there is no such account")]
    NotFound,
    /// An amount does not fit.
    #[error("an amount {0}")]
    Overflow(#[from] DecimalError),
    /// The read tables could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The positions of an account that are not flat, by symbol; one symbol's or one strategy's on demand.
///
/// # Errors
/// [`ListPositionsError`].
pub async fn list_positions(
    actor: &Actor,
    trading: &Trading,
    account: AccountId,
    symbol: Option<Symbol>,
    strategy: Option<StrategyId>,
) -> Result<Vec<MarkedPosition>, ListPositionsError> {
    match get_account(actor, trading, account).await {
        Ok(_) => {}
        Err(GetAccountError::NotFound) => return Err(ListPositionsError::NotFound),
        Err(GetAccountError::Store(error)) => return Err(error.into()),
    }
    let rows = trading.queries.positions(account).await?;
    rows.into_iter()
        .filter(|row| !row.position.quantity.is_zero() && row.strategy == strategy)
        .filter(|row| symbol.is_none_or(|symbol| row.position.symbol == symbol))
        .map(|row| Ok(mark(account, row.strategy, row.position, &*trading.prices)?))
        .collect()
}

fn mark(
    account: AccountId,
    strategy: Option<StrategyId>,
    position: Position,
    prices: &dyn Prices,
) -> Result<MarkedPosition, DecimalError> {
    let mark = prices.price(position.symbol).map(|market| market.last);
    let unrealised = mark.map(|mark| position.unrealised(mark)).transpose()?;
    let notional = mark.map(|mark| position.notional(mark)).transpose()?;
    Ok(MarkedPosition { account, strategy, position, mark, unrealised, notional })
}
