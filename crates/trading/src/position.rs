//! [`Position`]: a net signed quantity of one instrument and what it cost.

use serde::{Deserialize, Serialize};
use velox_kernel::{Currency, DecimalError, Money, Price, Quantity, Rounding, Symbol, Timestamp};

use crate::fill::Fill;

/// A net position.
///
/// It keeps the cost of what is held, not the average price, so that nothing drifts: over any sequence of fills
/// `signed cost − realised` is exactly the sum of the fills' signed values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The instrument.
    pub symbol: Symbol,
    /// What its amounts are in.
    pub currency: Currency,
    /// Units held: above zero long, below zero short.
    pub quantity: Quantity,
    /// What the units held were bought (or, short, sold) for; never below zero.
    pub cost: Money,
    /// Profit and loss of what was closed, before fees.
    pub realised: Money,
    /// Fees paid in the instrument's currency.
    pub fees: Money,
    /// When it last changed, in market time.
    pub updated_at: Timestamp,
}

impl Position {
    /// A flat position.
    #[must_use]
    pub const fn flat(symbol: Symbol, currency: Currency) -> Self {
        Self {
            symbol,
            currency,
            quantity: Quantity::ZERO,
            cost: Money::ZERO,
            realised: Money::ZERO,
            fees: Money::ZERO,
            updated_at: Timestamp::EPOCH,
        }
    }

    /// The average price of the units held, half-even; `None` when flat.
    #[must_use]
    pub fn average_price(&self) -> Option<Price> {
        self.cost.per_unit(self.quantity.abs()).ok()
    }

    /// What the units held are worth at `mark`, as a magnitude.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when it does not fit.
    pub fn notional(&self, mark: Price) -> Result<Money, DecimalError> {
        mark.value(self.quantity.abs())
    }

    /// Profit and loss of the units held, at `mark`.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when it does not fit.
    pub fn unrealised(&self, mark: Price) -> Result<Money, DecimalError> {
        let worth = self.notional(mark)?;
        if self.quantity.is_negative() { self.cost.minus(worth) } else { worth.minus(self.cost) }
    }

    /// The position after a fill, and the profit or loss that the fill realised.
    ///
    /// Closing takes its share of the cost (half-even); closing the rest takes exactly what is left.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when an amount does not fit.
    pub fn after(&self, fill: &Fill) -> Result<(Self, Money), DecimalError> {
        let delta = fill.signed_quantity();
        let held = self.quantity.abs();
        let opposite = self.quantity.decimal().signum() * delta.decimal().signum() < 0;
        let closing = if opposite { held.min(fill.quantity) } else { Quantity::ZERO };
        let opening = fill.quantity.minus(closing)?;
        let value = fill.value()?;
        let (closed_value, opened_value) = if opening.is_zero() {
            (value, Money::ZERO)
        } else if closing.is_zero() {
            (Money::ZERO, value)
        } else {
            let closed = fill.price.value(closing)?;
            (closed, value.minus(closed)?)
        };
        let cost_out = if closing.is_zero() {
            Money::ZERO
        } else if closing == held {
            self.cost
        } else {
            Money::new(self.cost.decimal().times_over(closing.decimal(), held.decimal(), Rounding::HalfEven)?)
        };
        let realised =
            if self.quantity.is_negative() { cost_out.minus(closed_value)? } else { closed_value.minus(cost_out)? };
        let fees = if fill.fee_currency == self.currency { self.fees.plus(fill.fee)? } else { self.fees };
        let after = Self {
            quantity: self.quantity.plus(delta)?,
            cost: self.cost.minus(cost_out)?.plus(opened_value)?,
            realised: self.realised.plus(realised)?,
            fees,
            updated_at: self.updated_at.max(fill.at),
            ..self.clone()
        };
        Ok((after, realised))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use velox_kernel::{AccountId, OrderId};

    use super::*;
    use crate::fill::Liquidity;
    use crate::order::Side;

    fn fill(side: Side, quantity: &str, price: &str, fee: &str) -> Fill {
        Fill {
            id: "f".parse().unwrap(),
            account: AccountId::new(uuid::Uuid::nil()),
            order: OrderId::new(uuid::Uuid::nil()),
            symbol: "BTC-PERP".parse().unwrap(),
            currency: "USD".parse().unwrap(),
            side,
            quantity: quantity.parse().unwrap(),
            price: price.parse().unwrap(),
            fee: fee.parse().unwrap(),
            fee_currency: "USD".parse().unwrap(),
            liquidity: Liquidity::Taker,
            strategy: None,
            caused_by: None,
            at: Timestamp::from_seconds(1),
        }
    }

    /// After each trade: quantity, cost, and what it realised.
    fn follow(trades: &[(Side, &str, &str, [&str; 3])]) -> Position {
        let mut position = Position::flat("BTC-PERP".parse().unwrap(), "USD".parse().unwrap());
        for (side, quantity, price, [held, cost, realised]) in trades {
            let (after, made) = position.after(&fill(*side, quantity, price, "0.1")).unwrap();
            let expected = (held.parse().unwrap(), cost.parse().unwrap(), realised.parse().unwrap());
            assert_eq!((after.quantity, after.cost, made), expected, "{side:?} {quantity} at {price}");
            assert_eq!(after.realised, position.realised.plus(made).unwrap());
            position = after;
        }
        position
    }

    #[test]
    fn a_long_position_averages_in_and_realises_out() {
        let position = follow(&[
            (Side::Buy, "1", "100", ["1", "100", "0"]),
            (Side::Buy, "3", "120", ["4", "460", "0"]),
            (Side::Sell, "1", "130", ["3", "345", "15"]),
            (Side::Sell, "3", "110", ["0", "0", "-15"]),
        ]);
        assert_eq!((position.average_price(), position.fees), (None, "0.4".parse().unwrap()));
    }

    #[test]
    fn a_short_position_mirrors_it() {
        let position = follow(&[
            (Side::Sell, "2", "100", ["-2", "200", "0"]),
            (Side::Sell, "2", "120", ["-4", "440", "0"]),
            (Side::Buy, "1", "90", ["-3", "330", "20"]),
        ]);
        assert_eq!(position.average_price(), Some("110".parse().unwrap()));
        assert_eq!(position.unrealised("100".parse().unwrap()), Ok("30".parse().unwrap()));
        assert_eq!(position.unrealised("120".parse().unwrap()), Ok("-30".parse().unwrap()));
        assert_eq!(position.notional("100".parse().unwrap()), Ok("300".parse().unwrap()));
    }

    #[test]
    fn one_fill_may_turn_a_position_round() {
        follow(&[
            (Side::Buy, "2", "100", ["2", "200", "0"]),
            (Side::Sell, "5", "110", ["-3", "330", "20"]),
            (Side::Buy, "4", "100", ["1", "100", "30"]),
        ]);
    }

    #[test]
    fn shares_of_a_cost_that_does_not_divide_add_up_to_it() {
        let position = follow(&[
            (Side::Buy, "3", "33.333333333333", ["3", "99.999999999999", "0"]),
            (Side::Sell, "1", "33.333333333334", ["2", "66.666666666666", "0.000000000001"]),
        ]);
        let thirds = Position { cost: "100".parse().unwrap(), quantity: "3".parse().unwrap(), ..position };
        let (one, first) = thirds.after(&fill(Side::Sell, "1", "50", "0")).unwrap();
        let (two, second) = one.after(&fill(Side::Sell, "1", "50", "0")).unwrap();
        let (flat, third) = two.after(&fill(Side::Sell, "1", "50", "0")).unwrap();
        assert_eq!(first.plus(second).unwrap().plus(third), Ok("50".parse().unwrap()), "not a cent is lost");
        assert!(flat.cost.is_zero() && flat.quantity.is_zero());
    }

    #[test]
    fn fees_in_another_currency_are_not_the_positions() {
        let mut foreign = fill(Side::Buy, "1", "100", "5");
        foreign.fee_currency = "BNB".parse().unwrap();
        let position = Position::flat(foreign.symbol, foreign.currency);
        assert!(position.after(&foreign).unwrap().0.fees.is_zero());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let position = Position::flat("BTC-PERP".parse().unwrap(), "USD".parse().unwrap());
        let huge = fill(Side::Buy, "9999999999999999", "2", "0");
        assert_eq!(position.after(&huge), Err(DecimalError::TooLarge));
    }
}
