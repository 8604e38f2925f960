//! [`CandlePrices`]: what an account was worth then is told by the minutes of that time.

use std::time::Duration;

use async_trait::async_trait;
use velox_engine::{PastPrices, PastPricesError};
use velox_kernel::{Symbol, Timeframe, Timestamp};
use velox_market::{Candle, CandleOrder, CandleQuery, Market, MarketStoreError};
use velox_trading::MarketPrice;

/// Past prices out of candles of a minute, in memory or in the store.
#[derive(Clone)]
pub struct CandlePrices(pub Market);

#[async_trait]
impl PastPrices for CandlePrices {
    async fn prices_at(
        &self,
        symbols: &[Symbol],
        at: Timestamp,
    ) -> Result<Vec<(Symbol, MarketPrice)>, PastPricesError> {
        let mut prices = Vec::with_capacity(symbols.len());
        for &symbol in symbols {
            let minute = self.minute(symbol, at).await.map_err(|error| PastPricesError(error.to_string()))?;
            prices.extend(minute.map(|minute| (symbol, known_at(&minute, at))));
        }
        Ok(prices)
    }
}

impl CandlePrices {
    /// The newest minute that had opened at the moment.
    async fn minute(&self, symbol: Symbol, at: Timestamp) -> Result<Option<Candle>, MarketStoreError> {
        let query = CandleQuery {
            symbol,
            timeframe: Timeframe::M1,
            from: None,
            to: Some(at.plus(Duration::from_micros(1))),
            order: CandleOrder::NewestFirst,
            limit: 1,
        };
        match self.0.hot.candles(&query).pop() {
            Some(minute) => Ok(Some(minute)),
            None => Ok(self.0.store.candles(&query).await?.pop()),
        }
    }
}

/// What a minute had shown by the moment: its close when it was over, otherwise only its open. Later prices of the same
/// minute were not known yet.
fn known_at(minute: &Candle, at: Timestamp) -> MarketPrice {
    let over = minute.close_time() <= at;
    let (last, since) = if over { (minute.close, minute.close_time()) } else { (minute.open, minute.open_time) };
    MarketPrice { bid: None, ask: None, last, at: since }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use velox_market::{HotMarket, HotSettings, MarketStore};
    use velox_testkit::TestClock;
    use velox_testkit::market::{MemoryMarketStore, sample_candle};

    use super::*;

    #[tokio::test]
    async fn knows_no_more_than_was_known_then() {
        let symbol: Symbol = "BTC-PERP".parse().unwrap();
        let store = Arc::new(MemoryMarketStore::default());
        let minute = sample_candle(symbol, Timeframe::M1, 3, 100);
        store.save_candles(&[minute]).await.unwrap();
        let hot = Arc::new(HotMarket::new(HotSettings::default()));
        let prices = CandlePrices(Market::new(store, hot, Arc::new(TestClock::default()), Market::STALE_AFTER));
        let last_at = async |at: Timestamp| {
            prices.prices_at(&[symbol], at).await.unwrap().first().map(|(_, price)| price.last.to_string())
        };
        assert_eq!(last_at(minute.open_time.minus(Duration::from_secs(1))).await, None);
        assert_eq!(last_at(minute.open_time).await.unwrap(), "100");
        assert_eq!(last_at(minute.open_time.plus(Duration::from_secs(59))).await.unwrap(), "100");
        assert_eq!(last_at(minute.close_time()).await.unwrap(), "101");
        assert_eq!(last_at(minute.close_time().plus(Duration::from_secs(7_200))).await.unwrap(), "101");
    }
}
