//! [`PositionView`]: a position and what it is worth.

use serde::Serialize;
use utoipa::ToSchema;
use velox_kernel::{AccountId, Currency, StrategyId, Symbol, Timestamp};
use velox_trading::{MarkedPosition, Position};

use super::PositionSideWord;
use crate::http::wire::{WireMoney, WireNumber, WirePrice, WireQuantity};

/// A position and what it is worth at the market's price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Position)]
pub struct PositionView {
    /// The account.
    #[schema(value_type = String, example = "acc_01h455vb4pex5vsknk084sn02q")]
    pub account_id: AccountId,
    /// The strategy; `null` for the account's own, net of all strategies.
    #[schema(value_type = Option<String>, example = json!(null))]
    pub strategy_id: Option<StrategyId>,
    /// The instrument.
    #[schema(value_type = String, example = "BTC-PERP")]
    pub symbol: Symbol,
    /// What its amounts are in.
    #[schema(value_type = String, example = "USD")]
    pub currency: Currency,
    /// Which way it points.
    pub side: PositionSideWord,
    /// Units held: above zero long, below zero short.
    pub quantity: WireQuantity,
    /// The average price of the units held.
    pub average_price: Option<WirePrice>,
    /// What the units held were bought (or, short, sold) for.
    pub cost: WireMoney,
    /// The market's price; `null` when there is none.
    pub mark_price: Option<WirePrice>,
    /// What the units held are worth at the mark, as a magnitude.
    pub notional: Option<WireMoney>,
    /// Profit and loss of the units held at the mark.
    pub unrealised: Option<WireMoney>,
    /// Profit and loss of what was closed, before fees.
    pub realised: WireMoney,
    /// Fees paid in the instrument's currency.
    pub fees: WireMoney,
    /// When it last changed, in market time.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:01Z")]
    pub updated_at: Timestamp,
}

impl From<&MarkedPosition> for PositionView {
    fn from(marked: &MarkedPosition) -> Self {
        let MarkedPosition { account, strategy, position, mark, unrealised, notional } = marked;
        let Position { symbol, currency, quantity, cost, realised, fees, updated_at } = position;
        Self {
            account_id: *account,
            strategy_id: *strategy,
            symbol: *symbol,
            currency: *currency,
            side: (*quantity).into(),
            quantity: WireNumber(*quantity),
            average_price: position.average_price().map(WireNumber),
            cost: WireNumber(*cost),
            mark_price: mark.map(WireNumber),
            notional: notional.map(WireNumber),
            unrealised: unrealised.map(WireNumber),
            realised: WireNumber(*realised),
            fees: WireNumber(*fees),
            updated_at: *updated_at,
        }
    }
}
