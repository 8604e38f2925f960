//! [`Market`]: the ports and the memory that the use cases work with.

use std::sync::Arc;
use std::time::Duration;

use velox_kernel::{Clock, Symbol, Timestamp};

use crate::{Candle, CandleHistory, HotMarket, MarketStore, MarketStoreError, Ticker, TickerView, keep_candles};

/// Others that hold candles in their memory.
pub trait CandleHolders: Send + Sync {
    /// Kept candles of a symbol that reach into `from..to` were replaced: whoever holds them lets go of them.
    fn replaced(&self, symbol: Symbol, from: Timestamp, to: Timestamp);
}

/// Nobody.
impl CandleHolders for () {
    fn replaced(&self, _: Symbol, _: Timestamp, _: Timestamp) {}
}

/// What the use cases need.
#[derive(Clone)]
pub struct Market {
    /// Where market data is kept.
    pub store: Arc<dyn MarketStore>,
    /// Its candles, for lists: a copy of the store may answer.
    pub history: Arc<dyn CandleHistory>,
    /// The newest of it, in memory.
    pub hot: Arc<HotMarket>,
    /// Who else has it in memory.
    pub others: Arc<dyn CandleHolders>,
    /// The feed's time: wall time, but for a replay at another speed.
    pub clock: Arc<dyn Clock>,
    /// How old a price may be before it is stale; 10 s by default.
    pub stale_after: Duration,
}

impl Market {
    /// The usual bound on a price's age.
    pub const STALE_AFTER: Duration = Duration::from_secs(10);

    /// A market whose lists are out of its store, and whose newest nobody else holds.
    #[must_use]
    pub fn new(store: Arc<dyn MarketStore>, hot: Arc<HotMarket>, clock: Arc<dyn Clock>, stale_after: Duration) -> Self {
        Self { history: Arc::new(Arc::clone(&store)), store, hot, others: Arc::new(()), clock, stale_after }
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

    /// Keeps candles of one symbol and timeframe, oldest first, with the longer ones that they make, instead of those that
    /// are kept and held of their time.
    pub(crate) async fn replace(&self, candles: &[Candle]) -> Result<(), MarketStoreError> {
        let kept = keep_candles(self.store.as_ref(), candles).await;
        // Some are kept also when the store failed in the middle.
        if let (Some(first), Some(last)) = (candles.first(), candles.last()) {
            let (symbol, from, to) = (first.symbol, first.open_time, last.close_time());
            self.hot.forget(symbol, from, to);
            self.others.replaced(symbol, from, to);
        }
        kept
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
