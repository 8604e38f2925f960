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

/// What a unit of an order reserves: its own price, and no less than the market's where nothing keeps it from paying
/// that: a sale, and a stop, which is a market order once it is triggered and may be so on arrival.
#[must_use]
pub(crate) fn reserve_price(kind: OrderKind, side: Side, reference: Price) -> Price {
    match (kind, side) {
        (OrderKind::Market, _) => reference,
        (OrderKind::Stop { stop_price }, _) => stop_price.max(reference),
        (OrderKind::Limit { limit_price } | OrderKind::StopLimit { limit_price, .. }, Side::Buy) => limit_price,
        (OrderKind::Limit { limit_price } | OrderKind::StopLimit { limit_price, .. }, Side::Sell) => {
            limit_price.max(reference)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn rules() -> InstrumentRules {
        InstrumentRules {
            symbol: "BTC-PERP".parse().unwrap(),
            currency: "USD".parse().unwrap(),
            tick: "0.5".parse().unwrap(),
            lot: "0.01".parse().unwrap(),
            min_quantity: "0.05".parse().unwrap(),
            min_notional: "10".parse().unwrap(),
        }
    }

    fn terms(quantity: &str, kind: OrderKind) -> OrderTerms {
        OrderTerms {
            symbol: "BTC-PERP".parse().unwrap(),
            currency: "USD".parse().unwrap(),
            side: Side::Buy,
            kind,
            quantity: quantity.parse().unwrap(),
            time_in_force: TimeInForce::Gtc,
            reduce_only: false,
            strategy: None,
            tags: vec![],
        }
    }

    fn limit(quantity: &str, price: &str) -> OrderTerms {
        terms(quantity, OrderKind::Limit { limit_price: price.parse().unwrap() })
    }

    #[test]
    fn each_filter_holds_at_its_edge() {
        use InvalidTerms as I;
        let (tick, lot) = (rules().tick, rules().lot);
        let cases = [
            (limit("0.05", "200"), Ok(())),
            (limit("0", "200"), Err(I::NotPositive(TermsField::Quantity))),
            (limit("-1", "200"), Err(I::NotPositive(TermsField::Quantity))),
            (limit("0.055", "200"), Err(I::OffLot { lot })),
            (limit("0.04", "500"), Err(I::BelowMinimumQuantity { minimum: rules().min_quantity })),
            (limit("1", "0"), Err(I::NotPositive(TermsField::LimitPrice))),
            (limit("1", "-0.5"), Err(I::NotPositive(TermsField::LimitPrice))),
            (limit("1", "100.25"), Err(I::OffTick { field: TermsField::LimitPrice, tick })),
            (limit("0.1", "100"), Ok(())),
            (
                limit("0.1", "99.5"),
                Err(I::BelowMinimumNotional { value: "9.95".parse().unwrap(), minimum: rules().min_notional }),
            ),
            (limit("9999999999999999", "9999999999999999"), Err(I::TooLarge)),
        ];
        for (terms, expected) in cases {
            assert_eq!(rules().check(&terms), expected, "{terms:?}");
        }
    }

    #[test]
    fn both_prices_of_a_stop_limit_are_checked() {
        let stop_limit = |stop: &str, limit: &str| {
            let kind = OrderKind::StopLimit { stop_price: stop.parse().unwrap(), limit_price: limit.parse().unwrap() };
            rules().check(&terms("1", kind))
        };
        let tick = rules().tick;
        assert_eq!(stop_limit("100.5", "101"), Ok(()));
        assert_eq!(stop_limit("100.1", "101"), Err(InvalidTerms::OffTick { field: TermsField::StopPrice, tick }));
        assert_eq!(stop_limit("100.5", "101.1"), Err(InvalidTerms::OffTick { field: TermsField::LimitPrice, tick }));
        assert_eq!(stop_limit("0", "101"), Err(InvalidTerms::NotPositive(TermsField::StopPrice)));
    }

    #[test]
    fn a_stop_cannot_be_immediate() {
        for time_in_force in [TimeInForce::Ioc, TimeInForce::Fok] {
            let stop = terms("1", OrderKind::Stop { stop_price: "100".parse().unwrap() });
            let immediate = OrderTerms { time_in_force, ..stop };
            assert_eq!(rules().check(&immediate), Err(InvalidTerms::ImmediateStop));
            assert_eq!(rules().check(&OrderTerms { time_in_force, ..limit("1", "100") }), Ok(()));
        }
    }

    #[test]
    fn a_remainder_may_be_closed_below_the_smallest_value() {
        let remainder = OrderTerms { reduce_only: true, ..limit("0.05", "100") };
        assert_eq!(rules().check(&remainder), Ok(()));
    }

    #[test]
    fn a_sale_reserves_no_less_than_the_markets_price() {
        let (low, high): (Price, Price) = ("90".parse().unwrap(), "110".parse().unwrap());
        let limit = |limit_price| OrderKind::Limit { limit_price };
        assert_eq!(reserve_price(limit(low), Side::Sell, high), high);
        assert_eq!(reserve_price(limit(high), Side::Sell, low), high);
        assert_eq!(reserve_price(limit(low), Side::Buy, high), low);
        assert_eq!(reserve_price(OrderKind::Market, Side::Buy, high), high);
    }

    #[test]
    fn a_stop_that_the_market_has_passed_reserves_the_markets_price() {
        let (low, high): (Price, Price) = ("90".parse().unwrap(), "110".parse().unwrap());
        for side in [Side::Buy, Side::Sell] {
            assert_eq!(reserve_price(OrderKind::Stop { stop_price: low }, side, high), high, "{side:?}");
            assert_eq!(reserve_price(OrderKind::Stop { stop_price: high }, side, low), high, "{side:?}");
        }
        let capped = OrderKind::StopLimit { stop_price: low, limit_price: low };
        assert_eq!(reserve_price(capped, Side::Buy, high), low, "its limit keeps it from paying more");
    }
}
