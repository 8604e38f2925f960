//! [`MarketStore`]: the port to where instruments, candles, newest prices and feed positions are kept, and
//! [`CandleHistory`], which a copy of it may answer.

use std::sync::Arc;

use async_trait::async_trait;
use velox_kernel::{Currency, Freshness, Symbol, Timeframe, Timestamp};

use crate::{AssetClass, Candle, FeedPosition, Instrument, Ticker};

/// Which instruments are wanted; `None` narrows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstrumentFilter {
    /// Stands in the symbol or the name. ASCII letters match in either case; every other character is itself.
    pub search: Option<String>,
    /// Is of this kind.
    pub asset_class: Option<AssetClass>,
    /// Is priced in this currency.
    pub quote: Option<Currency>,
    /// Comes after this symbol, in the order of bytes.
    pub after: Option<Symbol>,
}

impl InstrumentFilter {
    /// Whether an instrument is wanted. Stores answer in their own words; this says what they must answer.
    #[must_use]
    pub fn matches(&self, instrument: &Instrument) -> bool {
        let contains = |text: &str, part: &str| text.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
        self.search
            .as_deref()
            .is_none_or(|part| contains(instrument.symbol.as_str(), part) || contains(&instrument.name, part))
            && self.asset_class.is_none_or(|class| class == instrument.asset_class)
            && self.quote.is_none_or(|quote| quote == instrument.quote)
            && self.after.is_none_or(|after| after < instrument.symbol)
    }
}

/// In which order candles come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CandleOrder {
    /// The newest first.
    #[default]
    NewestFirst,
    /// The oldest first.
    OldestFirst,
}

/// Which candles are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CandleQuery {
    /// Of what.
    pub symbol: Symbol,
    /// How long.
    pub timeframe: Timeframe,
    /// Opening at this moment or later.
    pub from: Option<Timestamp>,
    /// Opening before this moment.
    pub to: Option<Timestamp>,
    /// In which order. With `limit` it also says which end of the range is cut off.
    pub order: CandleOrder,
    /// At most so many.
    pub limit: u32,
}

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarketStoreError {
    /// It cannot be reached, or did not answer in time. Everything here may be asked again: saving is idempotent.
    #[error("the market store is unavailable: {reason}")]
    Unavailable {
        /// What the database said.
        reason: String,
    },
    /// It holds something that this version cannot read.
    #[error("the market store holds what is not understood: {what}")]
    Unreadable {
        /// Which row, and what is wrong with it.
        what: String,
    },
}

/// What a piece of tidying has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tidied {
    /// There is nothing left to do.
    All,
    /// There is more to do.
    Some,
}

/// Where market data is kept. It is shared by all tenants.
///
/// Every save is an upsert and idempotent; each call is one transaction, so a batch is kept whole or not at all.
#[async_trait]
pub trait MarketStore: Send + Sync {
    /// Keeps instruments, by symbol; what was there under a symbol is replaced.
    async fn save_instruments(&self, instruments: &[Instrument]) -> Result<(), MarketStoreError>;

    /// The instrument of a symbol.
    async fn instrument(&self, symbol: Symbol) -> Result<Option<Instrument>, MarketStoreError>;

    /// Up to `limit` instruments, by symbol in the order of bytes.
    async fn instruments(&self, filter: &InstrumentFilter, limit: u32) -> Result<Vec<Instrument>, MarketStoreError>;

    /// Keeps candles, by symbol, timeframe and opening time; what was there is replaced. Within a batch the last wins.
    async fn save_candles(&self, candles: &[Candle]) -> Result<(), MarketStoreError>;

    /// How many candles one save should hold at most, where many are kept: others wait while one is at work, and each costs a
    /// sync.
    fn candles_at_once(&self) -> usize {
        1_000
    }

    /// Makes ready for the candles of the time that comes, and lets go of those that opened before `keep_from`. A store may
    /// keep some of those until everything that it keeps together with them is over; whatever opened later stays. Does a bounded piece of the work: it is asked again while there is more. Nothing happens while another
    /// process is at it.
    async fn tidy_candles(&self, now: Timestamp, keep_from: Option<Timestamp>) -> Result<Tidied, MarketStoreError>;

    /// The candles a query wants, by opening time.
    async fn candles(&self, query: &CandleQuery) -> Result<Vec<Candle>, MarketStoreError>;

    /// Keeps the newest prices, by symbol. One whose `at()` is older than what is kept replaces nothing.
    async fn save_tickers(&self, tickers: &[Ticker]) -> Result<(), MarketStoreError>;

    /// The newest prices kept of every symbol, by symbol.
    async fn tickers(&self) -> Result<Vec<Ticker>, MarketStoreError>;

    /// Keeps where a feed goes on, by the feed's name; what was there is replaced.
    async fn save_feed_position(&self, position: &FeedPosition) -> Result<(), MarketStoreError>;

    /// Where a feed goes on.
    async fn feed_position(&self, feed: &str) -> Result<Option<FeedPosition>, MarketStoreError>;
}

/// Kept candles for whoever lists them. A copy of the store may answer, as old as the freshness allows.
#[async_trait]
pub trait CandleHistory: Send + Sync {
    /// The candles a query wants, by opening time.
    async fn candles(&self, query: &CandleQuery, freshness: Freshness) -> Result<Vec<Candle>, MarketStoreError>;
}

/// The store itself is as new as can be.
#[async_trait]
impl CandleHistory for Arc<dyn MarketStore> {
    async fn candles(&self, query: &CandleQuery, _: Freshness) -> Result<Vec<Candle>, MarketStoreError> {
        MarketStore::candles(&**self, query).await
    }
}
