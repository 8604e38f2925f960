//! The pre-trade rules' verdicts: [`RuleCheck`] and [`Denial`].

use serde::{Deserialize, Serialize};
use velox_kernel::{Decimal, Price, Symbol, Timestamp};

/// A pre-trade rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A halted account takes no orders; a reduce-only one takes those that make a position smaller.
    AccountState,
    /// There must be a price no older than its bound. Limit, use and headroom are seconds.
    PriceStale,
    /// An order's price may be this far from the reference price. Percent.
    PriceCollar,
    /// Units in one order.
    MaxOrderQuantity,
    /// The value of one order, in the instrument's currency.
    MaxOrderNotional,
    /// Units in one position if every open order on its side filled.
    MaxPosition,
    /// A reduce-only order may be no larger than what is left of the position to close. Units.
    ReduceOnly,
    /// Selling more than is held, where shorting is not allowed. Units.
    ShortSelling,
    /// What the order would reserve, in the instrument's currency.
    BuyingPower,
    /// Loss of the trading day (realised, fees, and open loss), in the account's currency.
    DailyLoss,
    /// Orders accepted in the trading day.
    DailyTrades,
    /// Orders open at once.
    MaxOpenOrders,
}

impl Rule {
    /// All of them, in the order in which they are asked.
    pub const ALL: [Self; 12] = [
        Self::AccountState,
        Self::PriceStale,
        Self::PriceCollar,
        Self::MaxOrderQuantity,
        Self::MaxOrderNotional,
        Self::MaxPosition,
        Self::ReduceOnly,
        Self::ShortSelling,
        Self::BuyingPower,
        Self::DailyLoss,
        Self::DailyTrades,
        Self::MaxOpenOrders,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountState => "account_state",
            Self::PriceStale => "price_stale",
            Self::PriceCollar => "price_collar",
            Self::MaxOrderQuantity => "max_order_quantity",
            Self::MaxOrderNotional => "max_order_notional",
            Self::MaxPosition => "max_position",
            Self::ReduceOnly => "reduce_only",
            Self::ShortSelling => "short_selling",
            Self::BuyingPower => "buying_power",
            Self::DailyLoss => "daily_loss",
            Self::DailyTrades => "daily_trades",
            Self::MaxOpenOrders => "max_open_orders",
        }
    }
}

/// One rule's verdict on one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCheck {
    /// Which rule.
    pub rule: Rule,
    /// Whether the order keeps it.
    pub passed: bool,
    /// The limit; `None` where the rule knows none for this order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Decimal>,
    /// What would be used of it with this order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Decimal>,
    /// What the limit still allows before this order; never below zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headroom: Option<Decimal>,
}

impl RuleCheck {
    /// A rule that sets no limit on this order.
    #[must_use]
    pub const fn unlimited(rule: Rule) -> Self {
        Self { rule, passed: true, limit: None, used: None, headroom: None }
    }

    /// A rule without a number.
    #[must_use]
    pub const fn verdict(rule: Rule, passed: bool) -> Self {
        Self { rule, passed, limit: None, used: None, headroom: None }
    }

    /// `used` of `limit` with this order, of which `before` is used without it.
    #[must_use]
    pub fn measured(rule: Rule, limit: Decimal, before: Decimal, used: Decimal) -> Self {
        let headroom = limit.minus(before).ok().filter(|left| left.is_positive()).unwrap_or(Decimal::ZERO);
        Self { rule, passed: used <= limit, limit: Some(limit), used: Some(used), headroom: Some(headroom) }
    }
}

/// A price that a decision looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedPrice {
    /// Of which instrument.
    pub symbol: Symbol,
    /// The price.
    pub price: Price,
    /// From when, in market time.
    pub at: Timestamp,
}

/// What a decision on an order rests on: kept in its event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The prices it looked at; the order's own instrument first.
    pub prices: Vec<UsedPrice>,
    /// The verdicts of the rules that set a limit on this order.
    pub checks: Vec<RuleCheck>,
}

/// Why our own rules said no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// The first rule that the order broke, with its numbers.
    #[serde(flatten)]
    pub check: RuleCheck,
}
