//! [`MarketData`]: see `schemas/avro/market-data.avsc` for what each field means.
#![allow(missing_docs, reason = "the schema says what each field means")]

use serde::{Deserialize, Serialize};
use velox_kernel::Symbol;
use velox_market::{Candle, Quote, Trade};

use crate::message::Message;
use crate::topic::Topic;
use crate::wire::{Amount, Id, Moment, Word};
use crate::words;

/// One thing that the feed says, with what follows from it. [`crate::MarketStep`] is what it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketData {
    pub event_id: Id,
    pub symbol: Option<Symbol>,
    pub at: Moment,
    #[serde(rename = "type")]
    pub kind: Word,
    pub epoch: u64,
    pub offset: u64,
    pub feed_epoch: Option<u64>,
    pub feed_offset: Option<u64>,
    pub trade: Option<WireTrade>,
    pub quote: Option<WireQuote>,
    pub candle: Option<WireCandle>,
    pub stale: Option<bool>,
    #[serde(default)]
    pub closed: Vec<WireCandle>,
    pub growing: Option<WireCandle>,
}

/// A trade that took place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireTrade {
    pub id: String,
    pub price: Amount,
    pub quantity: Amount,
    pub aggressor: Option<Word>,
    pub synthetic: bool,
}

/// The best bid and ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireQuote {
    pub bid: Amount,
    pub bid_size: Amount,
    pub ask: Amount,
    pub ask_size: Amount,
    pub synthetic: bool,
}

/// What an instrument did within one timeframe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireCandle {
    pub symbol: Symbol,
    pub timeframe: Word,
    pub open_time: Moment,
    pub close_time: Moment,
    pub open: Amount,
    pub high: Amount,
    pub low: Amount,
    pub close: Amount,
    pub volume: Amount,
    pub trades: u64,
    pub closed: bool,
    pub synthetic: bool,
    pub gap_before: bool,
}

/// The key of what is about no symbol. No symbol is called so: they are in upper case.
const NO_SYMBOL: &str = "alive";

impl Message for MarketData {
    const TOPIC: Topic = Topic::MarketData;

    fn event_id(&self) -> Id {
        self.event_id
    }

    fn key(&self) -> String {
        self.symbol.as_ref().map_or(NO_SYMBOL, Symbol::as_str).to_owned()
    }
}

impl From<&Trade> for WireTrade {
    fn from(trade: &Trade) -> Self {
        let Trade { symbol: _, at: _, cursor: _, synthetic, id, price, quantity, aggressor } = trade;
        Self {
            id: id.to_string(),
            price: (*price).into(),
            quantity: (*quantity).into(),
            aggressor: aggressor.map(|aggressor| words::aggressor(aggressor).into()),
            synthetic: *synthetic,
        }
    }
}

impl From<&Quote> for WireQuote {
    fn from(quote: &Quote) -> Self {
        let Quote { symbol: _, at: _, cursor: _, synthetic, bid, bid_size, ask, ask_size } = quote;
        Self {
            bid: (*bid).into(),
            bid_size: (*bid_size).into(),
            ask: (*ask).into(),
            ask_size: (*ask_size).into(),
            synthetic: *synthetic,
        }
    }
}

impl From<&Candle> for WireCandle {
    fn from(candle: &Candle) -> Self {
        let Candle {
            symbol,
            timeframe,
            open_time,
            open,
            high,
            low,
            close,
            volume,
            trades,
            complete,
            synthetic,
            gap_before,
        } = candle;
        Self {
            symbol: *symbol,
            timeframe: timeframe.as_str().into(),
            open_time: (*open_time).into(),
            close_time: candle.close_time().into(),
            open: (*open).into(),
            high: (*high).into(),
            low: (*low).into(),
            close: (*close).into(),
            volume: (*volume).into(),
            trades: *trades,
            closed: *complete,
            synthetic: *synthetic,
            gap_before: *gap_before,
        }
    }
}
