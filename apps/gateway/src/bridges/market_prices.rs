//! [`MarketPrices`]: the prices that orders are decided on are the market's newest, in memory.

use std::sync::Arc;
use std::time::Duration;

use velox_kernel::Symbol;
use velox_market::{HotMarket, Ticker};
use velox_trading::{MarketPrice, Prices};

/// Reads the hot market. One lock for reading and a copy: it is asked several times an order.
#[derive(Clone)]
pub struct MarketPrices {
    /// The newest prices.
    pub hot: Arc<HotMarket>,
    /// How far a quote may lie behind the last trade before it is taken for forgotten: the bound on a price's age.
    pub stale_after: Duration,
}

impl Prices for MarketPrices {
    fn price(&self, symbol: Symbol) -> Option<MarketPrice> {
        price_of(&self.hot.ticker(symbol)?, self.stale_after)
    }
}

/// What a ticker says to an order. A feed that tells only trades leaves behind the quote that a restart took from the
/// store: beyond the bound it no longer counts, or old bids would look as fresh as the trades.
fn price_of(ticker: &Ticker, stale_after: Duration) -> Option<MarketPrice> {
    let forgotten = |quote: &velox_market::Quote| ticker.last.is_some_and(|last| last.at.since(quote.at) > stale_after);
    let quote = ticker.quote.filter(|quote| !forgotten(quote));
    Some(MarketPrice {
        bid: quote.map(|quote| quote.bid),
        ask: quote.map(|quote| quote.ask),
        last: ticker.price()?,
        at: ticker.at(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use velox_kernel::Timestamp;
    use velox_testkit::market::{sample_quote, sample_trade};

    use super::*;

    const BOUND: Duration = Duration::from_secs(10);

    fn ticker(quote_at: i64, trade_at: i64) -> Ticker {
        Ticker {
            symbol: "BTC-PERP".parse().unwrap(),
            quote: Some(sample_quote("BTC-PERP", Timestamp::from_seconds(quote_at), 1, 100)),
            last: Some(sample_trade("BTC-PERP", Timestamp::from_seconds(trade_at), 2, 99)),
        }
    }

    #[test]
    fn bid_ask_and_last_come_with_the_newest_time() {
        let price = price_of(&ticker(20, 15), BOUND).unwrap();
        assert_eq!((price.bid, price.ask), (Some("100".parse().unwrap()), Some("101".parse().unwrap())));
        assert_eq!((price.last, price.at), ("99".parse().unwrap(), Timestamp::from_seconds(20)));
    }

    #[test]
    fn a_quote_far_behind_the_trades_does_not_count() {
        assert!(price_of(&ticker(5, 15), BOUND).unwrap().bid.is_some());
        let price = price_of(&ticker(4, 15), BOUND).unwrap();
        assert_eq!((price.bid, price.ask, price.at), (None, None, Timestamp::from_seconds(15)));
    }

    #[test]
    fn no_price_is_none() {
        let nothing = Ticker { symbol: "BTC-PERP".parse().unwrap(), quote: None, last: None };
        assert_eq!(price_of(&nothing, BOUND), None);
    }
}
