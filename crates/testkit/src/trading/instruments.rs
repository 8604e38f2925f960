//! Short ways to the values that trading tests are full of. They panic on what is no such value.

#![allow(clippy::expect_used, reason = "tests name constants here")]

use velox_kernel::{Currency, Money, Price, Quantity, Symbol, Timestamp};
use velox_trading::{InstrumentRules, MarketPrice, OrderKind, OrderTerms, Side, TimeInForce};

/// A symbol.
///
/// # Panics
/// When the text is none.
#[must_use]
pub fn symbol(text: &str) -> Symbol {
    text.parse().expect("a symbol")
}

/// A currency.
///
/// # Panics
/// When the text is none.
#[must_use]
pub fn currency(text: &str) -> Currency {
    text.parse().expect("a currency")
}

/// A price.
///
/// # Panics
/// When the text is none.
#[must_use]
pub fn price(text: &str) -> Price {
    text.parse().expect("a price")
}

/// A quantity.
///
/// # Panics
/// When the text is none.
#[must_use]
pub fn quantity(text: &str) -> Quantity {
    text.parse().expect("a quantity")
}

/// An amount.
///
/// # Panics
/// When the text is none.
#[must_use]
pub fn money(text: &str) -> Money {
    text.parse().expect("an amount")
}

/// An instrument in USD: tick 0.01, lot and smallest quantity 0.0001, smallest value 1.
#[must_use]
pub fn instrument(symbol: Symbol) -> InstrumentRules {
    InstrumentRules {
        symbol,
        currency: currency("USD"),
        tick: price("0.01"),
        lot: quantity("0.0001"),
        min_quantity: quantity("0.0001"),
        min_notional: money("1"),
    }
}

/// A market with its three prices.
#[must_use]
pub fn market(bid: &str, ask: &str, last: &str, at: Timestamp) -> MarketPrice {
    MarketPrice { bid: Some(price(bid)), ask: Some(price(ask)), last: price(last), at }
}

/// The terms of a good-till-cancelled order without strategy or tags.
#[must_use]
pub fn terms(symbol: Symbol, side: Side, amount: &str, kind: OrderKind) -> OrderTerms {
    OrderTerms {
        symbol,
        currency: currency("USD"),
        side,
        kind,
        quantity: quantity(amount),
        time_in_force: TimeInForce::Gtc,
        reduce_only: false,
        strategy: None,
        tags: vec![],
    }
}
