//! [`Market`]: the ports and the memory that the use cases work with.

use std::sync::Arc;
use std::time::Duration;

use velox_kernel::{Clock, Symbol};

use crate::{CandleHistory, HotMarket, MarketStore, MarketStoreError, Ticker, TickerView};

/// What the use cases need.
#[derive(Clone)]
pub struct Market {
    /// Where market data is kept.
    pub store: Arc<dyn MarketStore>,
    /// Its candles, for lists: a copy of the store may answer.
    pub history: Arc<dyn CandleHistory>,
    /// The newest of it, in memory.
    pub hot: Arc<HotMarket>,
    /// The feed's time: wall time, but for a replay at another speed.
    pub clock: Arc<dyn Clock>,
    /// How old a price may be before it is stale; 10 s by default.
    pub stale_after: Duration,
}

impl Market {
    /// The usual bound on a price's age.
    pub const STALE_AFTER: Duration = Duration::from_secs(10);

    /// A market whose lists are out of its store.
    #[must_use]
    pub fn new(store: Arc<dyn MarketStore>, hot: Arc<HotMarket>, clock: Arc<dyn Clock>, stale_after: Duration) -> Self {
        Self { history: Arc::new(Arc::clone(&store)), store, hot, clock, stale_after }
    }

    /// The newest prices of one symbol, or of all, by symbol.
    ///
    /// Where memory has nothing fresh (a process that sees no feed, a mute bus) the store is asked too; when it does
    /// not answer, prices in memory still stand, marked as what they are: stale.
    pub(crate) async fn newest(&self, symbol: Option<Symbol>) -> Result<Vec<TickerView>, MarketStoreError> {
        let held = self.held(symbol);
        let fresh = !held.is_empty() && held.iter().all(|view| !view.stale);
        if fresh {
            return Ok(held);
        }
        match self.store.tickers().await {
            Ok(kept) => {
                self.hot.restore(&kept);
                Ok(self.held(symbol))
            }
            Err(error) if held.is_empty() => Err(error),
            Err(_) => Ok(held),
        }
    }

    fn held(&self, symbol: Option<Symbol>) -> Vec<TickerView> {
        let tickers = match symbol {
            Some(symbol) => self.hot.ticker(symbol).into_iter().collect(),
            None => self.hot.tickers(),
        };
        let now = self.clock.now();
        tickers.into_iter().map(|ticker: Ticker| ticker.seen_at(now, self.stale_after)).collect()
    }
}
