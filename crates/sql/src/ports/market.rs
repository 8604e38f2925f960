//! The ports of market, forwarded to the repository.

/// Implements `velox_market::MarketStore`. Keeping and tidying candles are methods of the adapter, `keep_candles` and `tidy`,
/// and it says how many it takes at once (`CANDLES_AT_ONCE`): there the two databases differ.
#[macro_export]
macro_rules! impl_market_store {
    ($store:ty, $read:ident, $change:ident) => {
        #[async_trait::async_trait]
        impl velox_market::MarketStore for $store {
            async fn save_instruments(
                &self,
                instruments: &[velox_market::Instrument],
            ) -> Result<(), velox_market::MarketStoreError> {
                let instruments = instruments.to_vec();
                $change!(self, market::save_instruments(&instruments))
            }

            async fn instrument(
                &self,
                symbol: velox_kernel::Symbol,
            ) -> Result<Option<velox_market::Instrument>, velox_market::MarketStoreError> {
                $read!(self, market::instrument(symbol))
            }

            async fn instruments(
                &self,
                filter: &velox_market::InstrumentFilter,
                limit: u32,
            ) -> Result<Vec<velox_market::Instrument>, velox_market::MarketStoreError> {
                let filter = filter.clone();
                $read!(self, market::instruments(&filter, limit))
            }

            async fn save_candles(
                &self,
                candles: &[velox_market::Candle],
            ) -> Result<(), velox_market::MarketStoreError> {
                self.keep_candles(candles).await.map_err(Into::into)
            }

            fn candles_at_once(&self) -> usize {
                Self::CANDLES_AT_ONCE
            }

            async fn tidy_candles(
                &self,
                now: velox_kernel::Timestamp,
                keep_from: Option<velox_kernel::Timestamp>,
            ) -> Result<velox_market::Tidied, velox_market::MarketStoreError> {
                self.tidy(now, keep_from).await.map_err(Into::into)
            }

            async fn candles(
                &self,
                query: &velox_market::CandleQuery,
            ) -> Result<Vec<velox_market::Candle>, velox_market::MarketStoreError> {
                let query = *query;
                $read!(self, market::candles(&query))
            }

            async fn save_tickers(
                &self,
                tickers: &[velox_market::Ticker],
            ) -> Result<(), velox_market::MarketStoreError> {
                let tickers = tickers.to_vec();
                $change!(self, market::save_tickers(&tickers))
            }

            async fn tickers(&self) -> Result<Vec<velox_market::Ticker>, velox_market::MarketStoreError> {
                $read!(self, market::tickers())
            }

            async fn save_feed_position(
                &self,
                position: &velox_market::FeedPosition,
            ) -> Result<(), velox_market::MarketStoreError> {
                let position = position.clone();
                $change!(self, market::save_feed_position(&position))
            }

            async fn feed_position(
                &self,
                feed: &str,
            ) -> Result<Option<velox_market::FeedPosition>, velox_market::MarketStoreError> {
                let feed = feed.to_owned();
                $read!(self, market::feed_position(&feed))
            }
        }
    };
}
