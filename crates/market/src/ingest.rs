//! [`Ingest`]: from a feed into memory, and from there into the store.

use std::collections::BTreeSet;
use std::time::Duration;

use velox_kernel::{Symbol, Timeframe, Timestamp};

use crate::{Candle, CandleOrder, CandleQuery, FeedPosition, Market, MarketEvent, MarketStoreError};

/// How often the newest prices and the feed's position are kept, by the feed's time.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// The most candles that wait for a store that is away; beyond it the oldest are given up and leave a gap.
const MOST_WAITING: usize = 10_000;
/// The minutes of a day: what it takes to go on with every open candle.
const DAY_OF_MINUTES: u32 = 1_440;

/// Takes a feed's events in, one by one, and keeps what closes.
///
/// There is one for each feed. Candles are kept when they close, prices and the position at most once a second. When
/// the store fails, the market goes on: what was to be kept waits, bounded, and is tried again after a second.
pub struct Ingest {
    market: Market,
    /// The symbols whose time goes on here; all when `None`.
    symbols: Option<BTreeSet<Symbol>>,
    waiting: Vec<Candle>,
    moved: BTreeSet<Symbol>,
    position: Option<FeedPosition>,
    saved: Option<FeedPosition>,
    /// When keeping was last tried, by the feed's time.
    tried: Option<Timestamp>,
    failing: bool,
    /// Whether what waits is not to be kept now.
    held_back: bool,
    given_up: u64,
}

/// What an event did.
#[derive(Debug)]
pub struct Taken {
    /// The candles that it closed or corrected, for those who follow the market.
    pub closed: Vec<Candle>,
    /// What the store said, when something was to be kept now.
    pub kept: Result<(), MarketStoreError>,
}

impl Ingest {
    /// An ingest into `market`.
    #[must_use]
    pub fn new(market: Market) -> Self {
        Self {
            market,
            symbols: None,
            waiting: Vec::new(),
            moved: BTreeSet::new(),
            position: None,
            saved: None,
            tried: None,
            failing: false,
            held_back: false,
            given_up: 0,
        }
    }

    /// The same of some symbols alone: others may be taken in elsewhere.
    #[must_use]
    pub fn of(self, symbols: impl IntoIterator<Item = Symbol>) -> Self {
        Self { symbols: Some(symbols.into_iter().collect()), ..self }
    }

    /// Goes on where the store left off: newest prices, and for each symbol the minutes of the last day that has any
    /// before `now`. From them every longer candle continues, and one whose time went by meanwhile closes with the
    /// first event. Earlier candles of every timeframe come along for reading.
    ///
    /// # Errors
    /// What the store says; memory then holds the symbols before the one that failed.
    pub async fn warm(&self, symbols: &[Symbol], now: Timestamp) -> Result<(), MarketStoreError> {
        let store = &self.market.store;
        self.market.hot.restore(&store.tickers().await?);
        for &symbol in symbols {
            let order = CandleOrder::NewestFirst;
            let newest = CandleQuery { symbol, timeframe: Timeframe::M1, from: None, to: Some(now), order, limit: 1 };
            let Some(last) = store.candles(&newest).await?.pop() else {
                continue;
            };
            let from = Some(Timeframe::D1.open_of(last.open_time));
            let order = CandleOrder::OldestFirst;
            let minutes = store.candles(&CandleQuery { from, order, limit: DAY_OF_MINUTES, ..newest }).await?;
            self.market.hot.warm(&minutes);
            for timeframe in Timeframe::ALL {
                let limit = u32::from(self.market.hot.most_candles());
                let earlier = CandleQuery { timeframe, to: from, limit, ..newest };
                self.market.hot.remember(&store.candles(&earlier).await?);
            }
        }
        Ok(())
    }

    /// From now on nothing is kept, or what waits again: while it is not certain that no other process keeps this feed.
    pub const fn hold_back(&mut self, held_back: bool) {
        self.held_back = held_back;
    }

    /// Takes in an event, given with where the feed goes on after it.
    pub async fn take(&mut self, event: &MarketEvent, position: FeedPosition) -> Taken {
        let closed = self.market.hot.apply(event);
        self.moved.insert(event.symbol());
        self.position = Some(position);
        self.wait(&closed);
        let kept = if self.is_due(event.at()) { self.flush(event.at()).await } else { Ok(()) };
        Taken { closed, kept }
    }

    /// Tells that the feed's time has come to `now` without an event.
    pub async fn advance(&mut self, now: Timestamp) -> Taken {
        let is_ours = |symbol| self.symbols.as_ref().is_none_or(|symbols| symbols.contains(&symbol));
        let closed = self.market.hot.advance(now, is_ours);
        self.wait(&closed);
        let kept = if self.is_due(now) { self.flush(now).await } else { Ok(()) };
        Taken { closed, kept }
    }

    /// Keeps now whatever waits: candles first, then prices, then the position, so that a position never stands for
    /// candles that were not kept.
    ///
    /// # Errors
    /// What the store says; everything still waits then.
    pub async fn flush(&mut self, now: Timestamp) -> Result<(), MarketStoreError> {
        self.tried = Some(now);
        // Until it is known to have gone well: a dropped future must not look like success.
        self.failing = true;
        let store = self.market.store.clone();
        if !self.waiting.is_empty() {
            store.save_candles(&self.waiting).await?;
            self.waiting.clear();
        }
        let tickers: Vec<_> = self.moved.iter().filter_map(|symbol| self.market.hot.ticker(*symbol)).collect();
        if !tickers.is_empty() {
            store.save_tickers(&tickers).await?;
            self.moved.clear();
        }
        if let Some(position) = self.position.as_ref().filter(|position| self.saved.as_ref() != Some(*position)) {
            store.save_feed_position(position).await?;
            self.saved = Some(position.clone());
        }
        self.failing = false;
        Ok(())
    }

    /// How many candles were given up since the start, because the store was away for too long.
    #[must_use]
    pub const fn given_up(&self) -> u64 {
        self.given_up
    }

    fn wait(&mut self, closed: &[Candle]) {
        self.waiting.extend_from_slice(closed);
        let over = self.waiting.len().saturating_sub(MOST_WAITING);
        self.waiting.drain(..over);
        self.given_up += u64::try_from(over).unwrap_or(u64::MAX);
    }

    fn is_due(&self, now: Timestamp) -> bool {
        if self.held_back {
            return false;
        }
        let since_try = self.tried.is_none_or(|tried| now < tried || now.since(tried) >= SAVE_EVERY);
        since_try || (!self.failing && !self.waiting.is_empty())
    }
}
