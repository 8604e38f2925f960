//! [`QuoteBook`]: the newest prices of every symbol, with their age.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use velox_kernel::{Price, Symbol, Timestamp};

use crate::{FeedCursor, MarketEvent, Quote, Trade};

/// The newest that is known of a symbol's price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticker {
    /// Of what.
    pub symbol: Symbol,
    /// The best bid and ask, where the feed gives them.
    pub quote: Option<Quote>,
    /// The last trade. From a feed of bars: the bar's close, with quantity zero.
    pub last: Option<Trade>,
}

impl Ticker {
    /// The place in the feed of the newer of the two; the epoch's start for an empty one.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.newest().0
    }

    /// Where in the feed its newest part stood.
    #[must_use]
    pub fn cursor(&self) -> FeedCursor {
        self.newest().1
    }

    /// The last price; the middle of bid and ask (rounded down to 10⁻¹²) where there was no trade.
    #[must_use]
    pub fn price(&self) -> Option<Price> {
        match (self.last, self.quote) {
            (Some(last), _) => Some(last.price),
            (None, Some(quote)) => {
                let middle = (quote.bid.decimal().units() + quote.ask.decimal().units()) / 2;
                velox_kernel::Decimal::from_units(middle).ok().map(Price::new)
            }
            (None, None) => None,
        }
    }

    /// The ticker as seen at `now`, by the feed's clock.
    #[must_use]
    pub fn seen_at(self, now: Timestamp, stale_after: Duration) -> TickerView {
        let age = now.since(self.at());
        TickerView { ticker: self, age, stale: age > stale_after }
    }

    fn newest(&self) -> (Timestamp, FeedCursor) {
        let quote = self.quote.map(|quote| (quote.at, quote.cursor));
        let last = self.last.map(|last| (last.at, last.cursor));
        quote.max(last).unwrap_or_default()
    }
}

/// A ticker with its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TickerView {
    /// The prices.
    pub ticker: Ticker,
    /// How old the newest of them is, by the feed's clock; zero when it is from the future.
    pub age: Duration,
    /// Whether that is more than the bound: the source is mute, and nothing should be decided on these prices.
    pub stale: bool,
}

/// The newest prices of every symbol. What arrives late replaces nothing newer.
#[derive(Clone, Debug, Default)]
pub struct QuoteBook {
    tickers: HashMap<Symbol, Ticker>,
}

impl QuoteBook {
    /// Takes in an event; says whether it was news.
    pub fn apply(&mut self, event: &MarketEvent) -> bool {
        let symbol = event.symbol();
        let empty = Ticker { symbol, quote: None, last: None };
        let ticker = self.tickers.entry(symbol).or_insert(empty);
        match event {
            MarketEvent::Quote(quote) => replace_if_newer(&mut ticker.quote, *quote, |quote| (quote.at, quote.cursor)),
            MarketEvent::Trade(trade) => replace_if_newer(&mut ticker.last, *trade, |last| (last.at, last.cursor)),
            MarketEvent::Bar(bar) => {
                let close = Trade {
                    symbol,
                    at: bar.at,
                    cursor: bar.cursor,
                    synthetic: bar.candle.synthetic,
                    id: 0,
                    price: bar.candle.close,
                    quantity: velox_kernel::Quantity::ZERO,
                    aggressor: None,
                };
                replace_if_newer(&mut ticker.last, close, |last| (last.at, last.cursor))
            }
        }
    }

    /// Takes in prices kept elsewhere, such as in the store before a restart.
    pub fn restore(&mut self, kept: Ticker) {
        for event in kept.quote.map(MarketEvent::Quote).into_iter().chain(kept.last.map(MarketEvent::Trade)) {
            self.apply(&event);
        }
    }

    /// The newest prices of a symbol.
    #[must_use]
    pub fn get(&self, symbol: Symbol) -> Option<Ticker> {
        self.tickers.get(&symbol).copied()
    }

    /// All of them, by symbol.
    #[must_use]
    pub fn all(&self) -> Vec<Ticker> {
        let mut all: Vec<_> = self.tickers.values().copied().collect();
        all.sort_unstable_by_key(|ticker| ticker.symbol);
        all
    }
}

fn replace_if_newer<T: Copy>(slot: &mut Option<T>, next: T, key: impl Fn(&T) -> (Timestamp, FeedCursor)) -> bool {
    let newer = slot.as_ref().is_none_or(|held| key(held) < key(&next));
    if newer {
        *slot = Some(next);
    }
    newer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(second: i64, bid: &str, ask: &str) -> MarketEvent {
        MarketEvent::Quote(Quote {
            symbol: "GOOG".parse().unwrap(),
            at: Timestamp::from_seconds(second),
            cursor: FeedCursor::default(),
            synthetic: false,
            bid: bid.parse().unwrap(),
            bid_size: "1".parse().unwrap(),
            ask: ask.parse().unwrap(),
            ask_size: "1".parse().unwrap(),
        })
    }

    fn trade(second: i64, price: &str) -> MarketEvent {
        MarketEvent::Trade(Trade {
            symbol: "GOOG".parse().unwrap(),
            at: Timestamp::from_seconds(second),
            cursor: FeedCursor::default(),
            synthetic: false,
            id: 1,
            price: price.parse().unwrap(),
            quantity: "1".parse().unwrap(),
            aggressor: None,
        })
    }

    #[test]
    fn late_and_repeated_prices_replace_nothing() {
        let mut book = QuoteBook::default();
        assert!(book.apply(&quote(10, "100", "102")));
        assert!(!book.apply(&quote(10, "100", "102")));
        assert!(!book.apply(&quote(9, "1", "2")));
        assert!(book.apply(&trade(3, "99")));
        let ticker = book.get("GOOG".parse().unwrap()).unwrap();
        assert_eq!(ticker.quote.unwrap().bid, "100".parse().unwrap());
        assert_eq!(ticker.at(), Timestamp::from_seconds(10));
        assert_eq!(ticker.price(), Some("99".parse().unwrap()));
    }

    #[test]
    fn the_middle_stands_in_for_a_missing_trade() {
        let mut book = QuoteBook::default();
        book.apply(&quote(10, "100", "102"));
        assert_eq!(book.all()[0].price(), Some("101".parse().unwrap()));
    }

    #[test]
    fn a_mute_source_is_stale_only_beyond_its_bound() {
        let mut book = QuoteBook::default();
        book.apply(&trade(10, "99"));
        let ticker = book.all()[0];
        let bound = Duration::from_secs(5);
        assert!(!ticker.seen_at(Timestamp::from_seconds(15), bound).stale);
        let later = ticker.seen_at(Timestamp::from_seconds(16), bound);
        assert!(later.stale);
        assert_eq!(later.age, Duration::from_secs(6));
        assert_eq!(ticker.seen_at(Timestamp::from_seconds(3), bound).age, Duration::ZERO);
    }

    #[test]
    fn a_restored_ticker_yields_to_newer_events() {
        let mut book = QuoteBook::default();
        book.apply(&quote(10, "100", "102"));
        let kept = book.all()[0];
        let mut fresh = QuoteBook::default();
        fresh.apply(&quote(11, "103", "104"));
        fresh.restore(kept);
        assert_eq!(fresh.all()[0].quote.unwrap().bid, "103".parse().unwrap());
    }
}
