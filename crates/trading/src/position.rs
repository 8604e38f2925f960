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
