//! [`InstrumentRules`]: what an instrument asks of an order, checked before any event is written.

use velox_kernel::{Currency, Money, Price, Quantity, Symbol};

use crate::order::{OrderKind, OrderTerms, Side, TimeInForce};

/// What an instrument asks of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstrumentRules {
    /// The instrument.
    pub symbol: Symbol,
    /// What it is priced and settled in.
    pub currency: Currency,
    /// Prices are multiples of this.
    pub tick: Price,
    /// Quantities are multiples of this.
    pub lot: Quantity,
    /// The smallest quantity.
    pub min_quantity: Quantity,
    /// The smallest value of an order.
    pub min_notional: Money,
}

/// Which price or quantity of an order an [`InvalidTerms`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermsField {
    /// The quantity.
    Quantity,
    /// The limit price.
    LimitPrice,
    /// The stop price.
    StopPrice,
}

impl TermsField {
    /// The field's name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quantity => "quantity",
            Self::LimitPrice => "limit_price",
            Self::StopPrice => "stop_price",
        }
    }
}

/// An order that its instrument does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTerms {
    /// A price or quantity that is not above zero.
    #[error("{} must be above zero", .0.as_str())]
    NotPositive(TermsField),
    /// A price that is not a multiple of the tick size.
    #[error("{} must be a multiple of the tick size {tick}", .field.as_str())]
    OffTick {
        /// Which price.
        field: TermsField,
        /// The tick size.
        tick: Price,
    },
    /// A quantity that is not a multiple of the lot size.
    #[error("quantity must be a multiple of the lot size {lot}")]
    OffLot {
        /// The lot size.
        lot: Quantity,
    },
    /// A quantity below the smallest one.
    #[error("quantity must be at least {minimum}")]
    BelowMinimumQuantity {
        /// The smallest quantity.
        minimum: Quantity,
    },
    /// A value below the smallest one.
    #[error("the order's value of {value} is below the minimum of {minimum}")]
    BelowMinimumNotional {
        /// The order's value.
        value: Money,
        /// The smallest value.
        minimum: Money,
    },
    /// Price times quantity does not fit.
    #[error("price times quantity is too large")]
    TooLarge,
    /// An immediate order cannot wait for a stop.
    #[error("a stop order cannot be immediate-or-cancel or fill-or-kill")]
    ImmediateStop,
}

impl InstrumentRules {
    /// Checks an order's own numbers; the value of a market order is checked when its price is known.
    ///
    /// # Errors
    /// [`InvalidTerms`] for the first number that does not fit.
    pub fn check(&self, terms: &OrderTerms) -> Result<(), InvalidTerms> {
        self.check_quantity(terms.quantity)?;
        for (field, price) in
            [(TermsField::LimitPrice, terms.kind.limit_price()), (TermsField::StopPrice, terms.kind.stop_price())]
        {
            if let Some(price) = price {
                self.check_price(field, price)?;
            }
        }
        if terms.kind.stop_price().is_some() && matches!(terms.time_in_force, TimeInForce::Ioc | TimeInForce::Fok) {
            return Err(InvalidTerms::ImmediateStop);
        }
        match terms.kind.limit_price().or(terms.kind.stop_price()) {
            Some(price) => self.check_notional(terms, price),
            None => Ok(()),
        }
    }

    /// Checks the order's value at `price`. Closing a remainder is always allowed.
    ///
    /// # Errors
    /// [`InvalidTerms::BelowMinimumNotional`] or [`InvalidTerms::TooLarge`].
    pub fn check_notional(&self, terms: &OrderTerms, price: Price) -> Result<(), InvalidTerms> {
        let value = price.value(terms.quantity).map_err(|_| InvalidTerms::TooLarge)?;
        if value < self.min_notional && !terms.reduce_only {
            return Err(InvalidTerms::BelowMinimumNotional { value, minimum: self.min_notional });
        }
        Ok(())
    }

    fn check_quantity(&self, quantity: Quantity) -> Result<(), InvalidTerms> {
        if !quantity.is_positive() {
            return Err(InvalidTerms::NotPositive(TermsField::Quantity));
        }
        if !quantity.decimal().is_multiple_of(self.lot.decimal()) {
            return Err(InvalidTerms::OffLot { lot: self.lot });
        }
        if quantity < self.min_quantity {
            return Err(InvalidTerms::BelowMinimumQuantity { minimum: self.min_quantity });
        }
        Ok(())
    }

    fn check_price(&self, field: TermsField, price: Price) -> Result<(), InvalidTerms> {
        if !price.is_positive() {
            return Err(InvalidTerms::NotPositive(field));
        }
        if !price.decimal().is_multiple_of(self.tick.decimal()) {
            return Err(InvalidTerms::OffTick { field, tick: self.tick });
        }
        Ok(())
    }
}

/// What a unit of an order reserves: its own price, and for a sale no less than the market's.
#[must_use]
pub(crate) fn reserve_price(kind: OrderKind, side: Side, reference: Price) -> Price {
    let own = kind.limit_price().or(kind.stop_price()).unwrap_or(reference);
    match side {
        Side::Buy => own,
        Side::Sell => own.max(reference),
    }
}
