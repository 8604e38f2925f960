//! [`MarketStep`]: what the process with the feed tells the others, and how it stands in records.

use serde::{Deserialize, Serialize};
use velox_kernel::{Symbol, Timestamp};
use velox_market::{Aggressor, Bar, Candle, FeedCursor, MarketEvent, Quote, Trade};

use crate::event_id;
use crate::market_data::{MarketData, WireCandle, WireQuote, WireTrade};

/// One thing that the process with the feed tells, and where it stands in the market's messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketStep {
    /// The epoch of the market's messages.
    pub epoch: u64,
    /// The offset of the first message that this makes; the others follow.
    pub offset: u64,
    /// What it tells.
    pub told: MarketTold,
}

/// What the process with the feed tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "most are the large one")]
pub enum MarketTold {
    /// The feed said something.
    Event {
        /// What.
        event: MarketEvent,
        /// The candles that it closed, of every timeframe.
        closed: Vec<Candle>,
        /// The minute that grows.
        growing: Option<Candle>,
    },
    /// Candles of one symbol closed because their time was over.
    Closed {
        /// Of what.
        symbol: Symbol,
        /// When, by the feed.
        at: Timestamp,
        /// Which.
        closed: Vec<Candle>,
    },
    /// A source has gone mute, or is back.
    Stale {
        /// Of what.
        symbol: Symbol,
        /// When, by the feed.
        at: Timestamp,
        /// Whether it is mute.
        stale: bool,
    },
    /// Nothing; the process with the feed is there.
    Alive {
        /// The feed's time.
        at: Timestamp,
    },
}

/// A record that stands for nothing that this release knows: a newer one's, or another program's mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a market record of the type {kind} has no valid {field}")]
pub struct UnknownMarketData {
    /// The record's type.
    pub kind: String,
    /// What is missing or not understood.
    pub field: &'static str,
}

impl MarketStep {
    /// Candles that closed because their time was over, as a step for each symbol: a record has one key. Candles of a
    /// symbol stand beside each other; offsets count on from the first, one for each candle.
    #[must_use]
    pub fn of_closed(epoch: u64, offset: u64, at: Timestamp, closed: &[Candle]) -> Vec<Self> {
        let mut next = offset;
        let steps = closed.chunk_by(|one, other| one.symbol == other.symbol).filter_map(|candles| {
            let (symbol, offset) = (candles.first()?.symbol, next);
            next = next.saturating_add(u64::try_from(candles.len()).unwrap_or(u64::MAX));
            Some(Self { epoch, offset, told: MarketTold::Closed { symbol, at, closed: candles.to_vec() } })
        });
        steps.collect()
    }
}

impl From<&MarketStep> for MarketData {
    fn from(step: &MarketStep) -> Self {
        let MarketStep { epoch, offset, told } = step;
        let (kind, symbol, at) = match told {
            MarketTold::Event { event, .. } => {
                let kind = match event {
                    MarketEvent::Trade(_) => "trade",
                    MarketEvent::Quote(_) => "quote",
                    MarketEvent::Bar(_) => "candle",
                };
                (kind, Some(event.symbol()), event.at())
            }
            MarketTold::Closed { symbol, at, .. } => ("closed", Some(*symbol), *at),
            MarketTold::Stale { symbol, at, .. } => ("stale", Some(*symbol), *at),
            MarketTold::Alive { at } => ("alive", None, *at),
        };
        let mut record = Self {
            event_id: event_id::of_place(kind, symbol, at, *epoch, *offset),
            symbol,
            at: at.into(),
            kind: kind.into(),
            epoch: *epoch,
            offset: *offset,
            feed_epoch: None,
            feed_offset: None,
            trade: None,
            quote: None,
            candle: None,
            stale: None,
            closed: Vec::new(),
            growing: None,
        };
        match told {
            MarketTold::Event { event, closed, growing } => {
                let FeedCursor { epoch, offset } = event.cursor();
                (record.feed_epoch, record.feed_offset) = (Some(epoch), Some(offset));
                match event {
                    MarketEvent::Trade(trade) => record.trade = Some(trade.into()),
                    MarketEvent::Quote(quote) => record.quote = Some(quote.into()),
                    MarketEvent::Bar(bar) => record.candle = Some((&bar.candle).into()),
                }
                record.closed = closed.iter().map(Into::into).collect();
                record.growing = growing.as_ref().map(Into::into);
            }
            MarketTold::Closed { closed, .. } => record.closed = closed.iter().map(Into::into).collect(),
            MarketTold::Stale { stale, .. } => record.stale = Some(*stale),
            MarketTold::Alive { .. } => {}
        }
        record
    }
}

impl TryFrom<&MarketData> for MarketStep {
    type Error = UnknownMarketData;

    fn try_from(record: &MarketData) -> Result<Self, UnknownMarketData> {
        let wrong = |field| UnknownMarketData { kind: record.kind.to_string(), field };
        let symbol = || record.symbol.ok_or_else(|| wrong("symbol"));
        let at = record.at.into();
        let closed = || record.closed.iter().map(candle).collect::<Option<Vec<_>>>().ok_or_else(|| wrong("closed"));
        let cursor = || {
            let place = record.feed_epoch.zip(record.feed_offset);
            place.map(|(epoch, offset)| FeedCursor { epoch, offset }).ok_or_else(|| wrong("feed_offset"))
        };
        let event = |event| {
            let growing = record.growing.as_ref().map(|growing| candle(growing).ok_or_else(|| wrong("growing")));
            Ok(MarketTold::Event { event, closed: closed()?, growing: growing.transpose()? })
        };
        let told = match &*record.kind {
            "trade" => {
                let told = record.trade.as_ref().and_then(|told| trade(told, symbol().ok()?, at, cursor().ok()?));
                event(MarketEvent::Trade(told.ok_or_else(|| wrong("trade"))?))?
            }
            "quote" => {
                let told = record.quote.as_ref().ok_or_else(|| wrong("quote"))?;
                event(MarketEvent::Quote(quote(told, symbol()?, at, cursor()?)))?
            }
            "candle" => {
                let told = record.candle.as_ref().and_then(candle).ok_or_else(|| wrong("candle"))?;
                event(MarketEvent::Bar(Bar { at, cursor: cursor()?, candle: told }))?
            }
            "closed" => MarketTold::Closed { symbol: symbol()?, at, closed: closed()? },
            "stale" => MarketTold::Stale { symbol: symbol()?, at, stale: record.stale.ok_or_else(|| wrong("stale"))? },
            "alive" => MarketTold::Alive { at },
            _ => return Err(wrong("type")),
        };
        Ok(Self { epoch: record.epoch, offset: record.offset, told })
    }
}

fn trade(wire: &WireTrade, symbol: Symbol, at: Timestamp, cursor: FeedCursor) -> Option<Trade> {
    let WireTrade { id, price, quantity, aggressor, synthetic } = wire;
    let aggressor = match aggressor.as_deref() {
        None => None,
        Some("buyer") => Some(Aggressor::Buyer),
        Some("seller") => Some(Aggressor::Seller),
        Some(_) => return None,
    };
    Some(Trade {
        symbol,
        at,
        cursor,
        synthetic: *synthetic,
        id: id.parse().ok()?,
        price: (*price).into(),
        quantity: (*quantity).into(),
        aggressor,
    })
}

fn quote(wire: &WireQuote, symbol: Symbol, at: Timestamp, cursor: FeedCursor) -> Quote {
    let WireQuote { bid, bid_size, ask, ask_size, synthetic } = wire;
    Quote {
        symbol,
        at,
        cursor,
        synthetic: *synthetic,
        bid: (*bid).into(),
        bid_size: (*bid_size).into(),
        ask: (*ask).into(),
        ask_size: (*ask_size).into(),
    }
}

fn candle(wire: &WireCandle) -> Option<Candle> {
    let WireCandle {
        symbol,
        timeframe,
        open_time,
        close_time: _,
        open,
        high,
        low,
        close,
        volume,
        trades,
        closed,
        synthetic,
        gap_before,
    } = wire;
    Some(Candle {
        symbol: *symbol,
        timeframe: timeframe.parse().ok()?,
        open_time: (*open_time).into(),
        open: (*open).into(),
        high: (*high).into(),
        low: (*low).into(),
        close: (*close).into(),
        volume: (*volume).into(),
        trades: *trades,
        complete: *closed,
        synthetic: *synthetic,
        gap_before: *gap_before,
    })
}
