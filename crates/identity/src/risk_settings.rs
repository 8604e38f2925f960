//! [`RiskSettings`]: the limits that a user sets for their own trading.

use serde::{Deserialize, Serialize};
use velox_kernel::{Decimal, Money, Quantity};

/// A user's own limits; `None` sets none. They feed the rules of trading; this crate only keeps them.
///
/// Kept as one JSON value; a field that an older row lacks takes its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RiskSettings {
    /// The largest quantity of one order, in units of the instrument.
    pub max_order_quantity: Option<Quantity>,
    /// The largest value of one order, in the instrument's quote currency.
    pub max_order_notional: Option<Money>,
    /// The largest position in one instrument, long or short, in units.
    pub max_position_quantity: Option<Quantity>,
    /// The largest value of a position in one instrument, long or short, in its quote currency.
    pub max_position_notional: Option<Money>,
    /// The greatest distance of an order's price from the reference price, in percent.
    pub price_collar_percent: Option<Decimal>,
    /// The greatest loss of a trading day, in the account's currency, above zero.
    pub max_daily_loss: Option<Money>,
    /// The most orders filled in a trading day.
    pub max_daily_trades: Option<u32>,
    /// Whether positions may only be made smaller.
    pub reduce_only: bool,
}

/// A limit that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct InvalidRiskSettings {
    /// The field's name.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl RiskSettings {
    /// Checks that every limit that is set is above zero and the collar at most 100 percent.
    ///
    /// # Errors
    /// [`InvalidRiskSettings`] names the first field that is not.
    pub fn checked(self) -> Result<Self, InvalidRiskSettings> {
        let numbers = [
            ("max_order_quantity", self.max_order_quantity.map(Quantity::decimal)),
            ("max_order_notional", self.max_order_notional.map(Money::decimal)),
            ("max_position_quantity", self.max_position_quantity.map(Quantity::decimal)),
            ("max_position_notional", self.max_position_notional.map(Money::decimal)),
            ("price_collar_percent", self.price_collar_percent),
            ("max_daily_loss", self.max_daily_loss.map(Money::decimal)),
            (
                "max_daily_trades",
                self.max_daily_trades.map(|count| if count == 0 { Decimal::ZERO } else { Decimal::ONE }),
            ),
        ];
        if let Some((field, _)) = numbers.iter().find(|(_, limit)| limit.is_some_and(|limit| !limit.is_positive())) {
            return Err(InvalidRiskSettings { field, problem: "must be above zero" });
        }
        if self.price_collar_percent.is_some_and(|percent| percent > Decimal::from_int(100)) {
            return Err(InvalidRiskSettings { field: "price_collar_percent", problem: "must be at most 100" });
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn limits_are_above_zero_or_absent() {
        assert!(RiskSettings::default().checked().is_ok());
        let field = |settings: RiskSettings| settings.checked().unwrap_err().field;
        let usual = RiskSettings::default;
        assert_eq!(field(RiskSettings { max_daily_trades: Some(0), ..usual() }), "max_daily_trades");
        assert_eq!(field(RiskSettings { max_daily_loss: Some(Money::ZERO), ..usual() }), "max_daily_loss");
        let negative = Some(Quantity::new(Decimal::from_int(-1)));
        assert_eq!(field(RiskSettings { max_order_quantity: negative, ..usual() }), "max_order_quantity");
        let wide = Some(Decimal::from_int(101));
        assert_eq!(field(RiskSettings { price_collar_percent: wide, ..usual() }), "price_collar_percent");
    }

    #[test]
    fn json_round_trips() {
        let settings = RiskSettings {
            max_order_notional: Some("1000.5".parse().unwrap()),
            reduce_only: true,
            ..RiskSettings::default()
        };
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<RiskSettings>(&text).unwrap(), settings);
        assert_eq!(serde_json::from_str::<RiskSettings>("{}").unwrap(), RiskSettings::default());
    }
}
