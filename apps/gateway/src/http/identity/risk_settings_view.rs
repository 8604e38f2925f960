//! [`RiskSettingsView`]: the limits that a user sets for their own trading.

use serde::Serialize;
use utoipa::ToSchema;
use velox_identity::RiskSettings;

use crate::http::wire::{WireDecimal, WireMoney, WireNumber, WireQuantity};

/// A user's own limits; `null` sets none. Every account of the organisation has them.
#[derive(Serialize, ToSchema)]
#[schema(as = RiskSettings)]
pub(super) struct RiskSettingsView {
    /// Units in one order.
    max_order_quantity: Option<WireQuantity>,
    /// The value of one order, in the instrument's currency.
    max_order_notional: Option<WireMoney>,
    /// Units in one position, long or short, if every open order on its side filled.
    max_position_quantity: Option<WireQuantity>,
    /// The greatest distance of an order's price from the reference price, in percent.
    price_collar_percent: Option<WireDecimal>,
    /// The greatest loss of a trading day, in the account's currency.
    max_daily_loss: Option<WireMoney>,
    /// Orders accepted in a trading day.
    #[schema(example = 100)]
    max_daily_trades: Option<u32>,
}

impl From<&RiskSettings> for RiskSettingsView {
    fn from(settings: &RiskSettings) -> Self {
        Self {
            max_order_quantity: settings.max_order_quantity.map(WireNumber),
            max_order_notional: settings.max_order_notional.map(WireNumber),
            max_position_quantity: settings.max_position_quantity.map(WireNumber),
            price_collar_percent: settings.price_collar_percent.map(WireNumber),
            max_daily_loss: settings.max_daily_loss.map(WireNumber),
            max_daily_trades: settings.max_daily_trades,
        }
    }
}
