//! [`Fill`]: a part of an order that traded.

use serde::{Deserialize, Serialize};
use velox_kernel::{
    AccountId, Currency, DecimalError, FillId, Money, OrderId, Price, Quantity, StrategyId, Symbol, Timestamp,
};

use crate::order::Side;

/// Whether a fill added liquidity to the market or took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Liquidity {
    /// The order rested and was met.
    Maker,
    /// The order met one that rested.
    Taker,
}

impl Liquidity {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Maker => "maker",
            Self::Taker => "taker",
        }
    }
}

/// A position in a market-data feed: which run of it, and which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FeedPosition {
    /// The feed's run.
    pub epoch: u64,
    /// The message's number in the run.
    pub offset: u64,
}

/// A part of an order that traded, as the broker told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// The broker's name for it, unique in the account.
    #[serde(rename = "fill_id")]
    pub id: FillId,
    /// The account.
    #[serde(rename = "account_id")]
    pub account: AccountId,
    /// The order.
    #[serde(rename = "order_id")]
    pub order: OrderId,
    /// The instrument.
    pub symbol: Symbol,
    /// What the price is in.
    pub currency: Currency,
    /// Buy or sell.
    pub side: Side,
    /// How much; above zero.
    pub quantity: Quantity,
    /// At what price.
    pub price: Price,
    /// What it cost; above zero is paid, below zero is a rebate.
    pub fee: Money,
    /// What the fee is in.
    pub fee_currency: Currency,
    /// Whether it made or took liquidity.
    pub liquidity: Liquidity,
    /// The strategy it belongs to.
    #[serde(rename = "strategy_id", default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<StrategyId>,
    /// The market data that caused it, where the broker is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<FeedPosition>,
    /// When it traded, in market time.
    pub at: Timestamp,
}

impl Fill {
    /// Price times quantity, half-even; above zero.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when it does not fit.
    pub fn value(&self) -> Result<Money, DecimalError> {
        self.price.value(self.quantity)
    }

    /// The quantity with the sign it has in a position.
    #[must_use]
    pub const fn signed_quantity(&self) -> Quantity {
        self.side.signed(self.quantity)
    }
}
