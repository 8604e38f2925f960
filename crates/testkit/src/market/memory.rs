//! [`MemoryMarketStore`]: market data in maps.

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::Mutex;
use velox_kernel::{Symbol, Timeframe, Timestamp};
use velox_market::{
    Candle, CandleOrder, CandleQuery, FeedPosition, Instrument, InstrumentFilter, MarketStore, MarketStoreError,
    Ticker, Tidied,
};

/// A store that forgets everything when it is dropped, and that can be told to be away.
#[derive(Default)]
pub struct MemoryMarketStore {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    away: bool,
    /// How many calls more it answers, where that is bounded.
    answers: Option<u64>,
    calls: u64,
    traffic: CandleTraffic,
    instruments: BTreeMap<Symbol, Instrument>,
    candles: BTreeMap<(Symbol, Timeframe, Timestamp), Candle>,
    tickers: BTreeMap<Symbol, Ticker>,
    positions: BTreeMap<String, FeedPosition>,
}

/// What a store had to do with candles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CandleTraffic {
    /// Queries for candles.
    pub reads: u64,
    /// Candles that they found, all together.
    pub found: u64,
    /// The most candles that one query could have found.
    pub widest_read: u32,
    /// The most candles that one transaction saved.
    pub largest_save: usize,
}

impl MemoryMarketStore {
    /// From now on every call fails, or none does.
    pub fn set_away(&self, away: bool) {
        let state = &mut *self.state.lock();
        (state.away, state.answers) = (away, None);
    }

    /// From now on it answers so many calls more, and no further one until [`MemoryMarketStore::set_away`] is called.
    pub fn set_away_after(&self, calls: u64) {
        self.state.lock().answers = Some(calls);
    }

    /// How many calls were made.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state.lock().calls
    }

    /// What it had to do with candles since this was asked last.
    pub fn take_traffic(&self) -> CandleTraffic {
        std::mem::take(&mut self.state.lock().traffic)
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> Result<T, MarketStoreError> {
        let mut state = self.state.lock();
        state.calls += 1;
        let is_spent = state.answers == Some(0);
        state.answers = state.answers.map(|left| left.saturating_sub(1));
        if state.away || is_spent {
            return Err(MarketStoreError::Unavailable { reason: "told to be away".to_owned() });
        }
        Ok(work(&mut state))
    }
}

fn length(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[async_trait]
impl MarketStore for MemoryMarketStore {
    async fn save_instruments(&self, instruments: &[Instrument]) -> Result<(), MarketStoreError> {
        self.with(|state| state.instruments.extend(instruments.iter().map(|one| (one.symbol, one.clone()))))
    }

    async fn instrument(&self, symbol: Symbol) -> Result<Option<Instrument>, MarketStoreError> {
        self.with(|state| state.instruments.get(&symbol).cloned())
    }

    async fn instruments(&self, filter: &InstrumentFilter, limit: u32) -> Result<Vec<Instrument>, MarketStoreError> {
        self.with(|state| {
            let wanted = state.instruments.values().filter(|one| filter.matches(one));
            wanted.take(length(limit)).cloned().collect()
        })
    }

    async fn save_candles(&self, candles: &[Candle]) -> Result<(), MarketStoreError> {
        self.with(|state| {
            state.traffic.largest_save = state.traffic.largest_save.max(candles.len());
            let keyed = candles.iter().map(|candle| ((candle.symbol, candle.timeframe, candle.open_time), *candle));
            state.candles.extend(keyed);
        })
    }

    async fn tidy_candles(&self, _: Timestamp, keep_from: Option<Timestamp>) -> Result<Tidied, MarketStoreError> {
        self.with(|state| {
            state.candles.retain(|_, candle| keep_from.is_none_or(|from| candle.open_time >= from));
            Tidied::All
        })
    }

    async fn candles(&self, query: &CandleQuery) -> Result<Vec<Candle>, MarketStoreError> {
        self.with(|state| {
            let wanted = state.candles.values().filter(|candle| {
                candle.symbol == query.symbol
                    && candle.timeframe == query.timeframe
                    && query.from.is_none_or(|from| candle.open_time >= from)
                    && query.to.is_none_or(|to| candle.open_time < to)
            });
            let found: Vec<Candle> = match query.order {
                CandleOrder::OldestFirst => wanted.take(length(query.limit)).copied().collect(),
                CandleOrder::NewestFirst => wanted.rev().take(length(query.limit)).copied().collect(),
            };
            let traffic = &mut state.traffic;
            traffic.reads += 1;
            traffic.found += u64::try_from(found.len()).unwrap_or(u64::MAX);
            traffic.widest_read = traffic.widest_read.max(query.limit);
            found
        })
    }

    async fn save_tickers(&self, tickers: &[Ticker]) -> Result<(), MarketStoreError> {
        self.with(|state| {
            for ticker in tickers {
                let held = state.tickers.entry(ticker.symbol).or_insert(*ticker);
                if held.at() <= ticker.at() {
                    *held = *ticker;
                }
            }
        })
    }

    async fn tickers(&self) -> Result<Vec<Ticker>, MarketStoreError> {
        self.with(|state| state.tickers.values().copied().collect())
    }

    async fn save_feed_position(&self, position: &FeedPosition) -> Result<(), MarketStoreError> {
        self.with(|state| {
            state.positions.insert(position.feed.clone(), position.clone());
        })
    }

    async fn feed_position(&self, feed: &str) -> Result<Option<FeedPosition>, MarketStoreError> {
        self.with(|state| state.positions.get(feed).cloned())
    }
}
