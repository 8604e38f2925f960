//! What an account is worth, and what it may still do: computed on read, never stored.

use velox_kernel::{Currency, Decimal, DecimalError, Money, Price, Quantity, Rounding};

use super::{Account, Exposure};
use crate::context::Prices;
use crate::denial::UsedPrice;
use crate::order::Side;
use crate::position::Position;

/// What an account is worth in one currency, at the marks given. Linear margin:
/// `buying power = equity × leverage − margin in use − reservations`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Valuation {
    /// The currency.
    pub currency: Currency,
    /// What is in the ledger.
    pub cash: Money,
    /// Profit and loss of what is held.
    pub unrealised: Money,
    /// Cash and unrealised profit and loss.
    pub equity: Money,
    /// The value of what is held, long and short alike.
    pub margin_used: Money,
    /// What open orders would add to it.
    pub reserved: Money,
    /// What may still be added; below zero when the market moved against the account.
    pub buying_power: Money,
}

impl Account {
    /// Values the account in one currency. A position without a price is marked at what it cost.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when an amount does not fit.
    pub fn valuation(&self, currency: Currency, prices: &dyn Prices) -> Result<Valuation, DecimalError> {
        self.value_with(currency, prices, &mut Vec::new())
    }

    /// [`Account::valuation`], noting each price it looked at.
    pub(super) fn value_with(
        &self,
        currency: Currency,
        prices: &dyn Prices,
        used: &mut Vec<UsedPrice>,
    ) -> Result<Valuation, DecimalError> {
        let cash = self.balance(currency).map_or(Ok(Money::ZERO), crate::balance::Balance::cash)?;
        let (mut unrealised, mut margin_used, mut reserved) = (Money::ZERO, Money::ZERO, Money::ZERO);
        for position in self.positions().filter(|p| p.currency == currency && !p.quantity.is_zero()) {
            match prices.price(position.symbol) {
                Some(market) => {
                    if !used.iter().any(|price| price.symbol == position.symbol) {
                        used.push(UsedPrice { symbol: position.symbol, price: market.last, at: market.at });
                    }
                    unrealised = unrealised.plus(position.unrealised(market.last)?)?;
                    margin_used = margin_used.plus(position.notional(market.last)?)?;
                }
                None => margin_used = margin_used.plus(position.cost)?,
            }
        }
        for (symbol, exposure) in &self.exposure {
            if exposure.currency == Some(currency) {
                let held = self.position(*symbol).map_or(Quantity::ZERO, |position| position.quantity);
                reserved = reserved.plus(reserve(exposure, held)?)?;
            }
        }
        let equity = cash.plus(unrealised)?;
        let leverage = self.profile.as_ref().map_or(Decimal::ONE, |profile| profile.leverage);
        let buying_power = equity.scaled(leverage, Rounding::Down)?.minus(margin_used)?.minus(reserved)?;
        Ok(Valuation { currency, cash, unrealised, equity, margin_used, reserved, buying_power })
    }

    /// The cash that could be paid out: what keeps the buying power from falling below zero.
    pub(super) fn free_cash(
        &self,
        currency: Currency,
        context: &crate::context::Context<'_>,
    ) -> Result<Money, DecimalError> {
        let valuation = self.valuation(currency, context.prices)?;
        let leverage = self.profile.as_ref().map_or(Decimal::ONE, |profile| profile.leverage);
        let free = Money::new(valuation.buying_power.decimal().over(leverage, Rounding::Down)?);
        Ok(free.min(valuation.cash))
    }
}

/// What the open orders of one instrument reserve: their value, less the part that only closes what is held.
///
/// # Errors
/// [`DecimalError::TooLarge`] when an amount does not fit.
pub(super) fn reserve(exposure: &Exposure, held: Quantity) -> Result<Money, DecimalError> {
    let mut total = Money::ZERO;
    for side in [Side::Buy, Side::Sell] {
        let (quantity, value) = exposure.side(side);
        let closes = (side == Side::Buy) == held.is_negative();
        let closing = if closes { quantity.min(held.abs()) } else { Quantity::ZERO };
        let opening = quantity.minus(closing)?;
        total = total.plus(if opening == quantity {
            value
        } else if opening.is_zero() {
            Money::ZERO
        } else {
            Money::new(value.decimal().times_over(opening.decimal(), quantity.decimal(), Rounding::Up)?)
        })?;
    }
    Ok(total)
}

/// A position's open loss at the market's price; zero for a gain or without a price.
pub(super) fn open_loss(position: &Position, mark: Option<Price>) -> Result<Money, DecimalError> {
    match mark {
        Some(mark) => Ok(position.unrealised(mark)?.min(Money::ZERO)),
        None => Ok(Money::ZERO),
    }
}
