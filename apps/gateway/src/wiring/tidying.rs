//! [`Tidying`]: the store is made ready for the candles that come, and those that are too old go, hourly.

use std::sync::Arc;
use std::time::Duration;

use velox_kernel::Clock;
use velox_market::{MarketStore, Tidied};

use crate::shutdown::Shutdown;

/// How long after it is done it comes again.
const AGAIN: Duration = Duration::from_secs(3_600);
/// The most pieces of work at a time; what is left is for the next hour.
const PIECES: usize = 10_000;

/// Tidies candles: at the start, and hourly. Of several processes one does it at a time.
pub(super) struct Tidying {
    pub(super) store: Arc<dyn MarketStore>,
    pub(super) clock: Arc<dyn Clock>,
    /// How many days candles are kept; zero is for ever.
    pub(super) keep_days: u32,
}

impl Tidying {
    /// Tidies again and again until the shutdown begins.
    pub(super) async fn run(self, shutdown: Shutdown) {
        let begun = shutdown.begun();
        tokio::pin!(begun);
        loop {
            tokio::select! {
                () = &mut begun => return,
                () = self.tidy() => {}
            }
            tokio::select! {
                () = &mut begun => return,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }

    async fn tidy(&self) {
        let now = self.clock.now();
        let days = Duration::from_secs(86_400).saturating_mul(self.keep_days);
        let keep_from = (self.keep_days > 0).then(|| now.minus(days));
        for _ in 0..PIECES {
            match self.store.tidy_candles(now, keep_from).await {
                Ok(Tidied::Some) => {}
                Ok(Tidied::All) => return,
                Err(error) => {
                    tracing::warn!(%error, "candles could not be tidied; it is tried again in an hour");
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use velox_kernel::Timeframe;
    use velox_market::CandleQuery;
    use velox_testkit::TestClock;
    use velox_testkit::market::{MemoryMarketStore, sample_candle};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_too_old_goes_at_the_start_and_then_every_hour() {
        let (store, clock) = (Arc::new(MemoryMarketStore::default()), Arc::new(TestClock::default()));
        let symbol = "GOOG".parse().unwrap();
        let candles: Vec<_> = (0..3).map(|index| sample_candle(symbol, Timeframe::D1, index, 10)).collect();
        store.save_candles(&candles).await.unwrap();
        let query = CandleQuery {
            symbol,
            timeframe: Timeframe::D1,
            from: None,
            to: None,
            order: velox_market::CandleOrder::OldestFirst,
            limit: 10,
        };
        clock.set(candles[1].open_time.plus(Duration::from_secs(30 * 86_400)));
        let shutdown = Shutdown::default();
        let tidying = Tidying { store: store.clone(), clock: clock.clone(), keep_days: 30 };
        let running = tokio::spawn(tidying.run(shutdown.clone()));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(store.candles(&query).await.unwrap(), candles[1..]);
        clock.set(candles[2].open_time.plus(Duration::from_secs(30 * 86_400)));
        tokio::time::sleep(AGAIN).await;
        assert_eq!(store.candles(&query).await.unwrap(), candles[2..]);
        shutdown.begin();
        running.await.unwrap();
    }
}
