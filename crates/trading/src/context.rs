//! [`Context`]: what a decision may look at besides the account and the command.

use std::time::Duration;

use velox_kernel::{Price, Symbol, Timestamp};

use crate::order::{Order, Side};

/// A market's newest prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketPrice {
    /// The best price to sell at, where the feed has quotes.
    pub bid: Option<Price>,
    /// The best price to buy at, where the feed has quotes.
    pub ask: Option<Price>,
    /// The last trade's price.
    pub last: Price,
    /// From when, in market time.
    pub at: Timestamp,
}

impl MarketPrice {
    /// What an order of this side would meet.
    #[must_use]
    pub fn meets(&self, side: Side) -> Price {
        match side {
            Side::Buy => self.ask.unwrap_or(self.last),
            Side::Sell => self.bid.unwrap_or(self.last),
        }
    }
}

/// Where a decision reads prices.
pub trait Prices: Send + Sync {
    /// The newest prices of an instrument.
    fn price(&self, symbol: Symbol) -> Option<MarketPrice>;
}

/// What a decision may look at besides the account and the command.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Now, by the account's feed.
    pub market_time: Timestamp,
    /// Now, by the wall.
    pub wall_time: Timestamp,
    /// The market's prices.
    pub prices: &'a dyn Prices,
    /// How old a price may be.
    pub price_bound: Duration,
    /// The closed order that the command names, by order id, by client order id or by fill.
    pub closed_order: Option<&'a Order>,
    /// Whether the fill that the command reports is in the log.
    pub known_fill: bool,
}
