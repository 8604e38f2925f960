//! [`FixedPrices`]: a market that stands still until told.

use std::collections::BTreeMap;

use velox_kernel::{Price, Symbol, Timestamp};
use velox_trading::{MarketPrice, Prices};

/// Prices set by hand.
#[derive(Clone, Debug, Default)]
pub struct FixedPrices(BTreeMap<Symbol, MarketPrice>);

impl FixedPrices {
    /// Sets bid, ask and last of an instrument to one price.
    pub fn set(&mut self, symbol: Symbol, last: Price, at: Timestamp) {
        self.0.insert(symbol, MarketPrice { bid: Some(last), ask: Some(last), last, at });
    }

    /// Sets everything about an instrument's market.
    pub fn set_market(&mut self, symbol: Symbol, market: MarketPrice) {
        self.0.insert(symbol, market);
    }

    /// Takes an instrument's prices away.
    pub fn remove(&mut self, symbol: Symbol) {
        self.0.remove(&symbol);
    }
}

impl Prices for FixedPrices {
    fn price(&self, symbol: Symbol) -> Option<MarketPrice> {
        self.0.get(&symbol).copied()
    }
}
