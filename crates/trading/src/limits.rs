//! [`RiskLimits`]: what an account allows itself.

use serde::{Deserialize, Serialize};
use velox_kernel::{Decimal, Money, Quantity};

/// An account's limits; `None` means that the rule sets none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RiskLimits {
    /// Units in one order.
    pub max_order_quantity: Option<Quantity>,
    /// The value of one order, in the instrument's currency.
    pub max_order_notional: Option<Money>,
    /// Units in one position, if every open order on its side filled.
    pub max_position: Option<Quantity>,
    /// The greatest distance of an order's price from the reference price, in percent.
    pub price_collar: Option<Decimal>,
    /// The greatest loss in a trading day, in the account's currency.
    pub daily_loss: Option<Money>,
    /// Orders accepted in a trading day.
    pub daily_trades: Option<u32>,
    /// Orders open at once.
    pub max_open_orders: u32,
}

impl RiskLimits {
    /// Orders open at once, unless the account says otherwise.
    pub const USUAL_OPEN_ORDERS: u32 = 10_000;
}

impl Default for RiskLimits {
    fn default() -> Self {
        Self {
            max_order_quantity: None,
            max_order_notional: None,
            max_position: None,
            price_collar: None,
            daily_loss: None,
            daily_trades: None,
            max_open_orders: Self::USUAL_OPEN_ORDERS,
        }
    }
}
