//! [`MarketHub`]: the market's newest messages, serialised once, with a short history for those who resume.

use std::collections::VecDeque;
use std::sync::Arc;

use actix_web::web::Bytes;
use parking_lot::RwLock;
use serde::Serialize;
use tokio::sync::broadcast;
use velox_kernel::{Symbol, Timestamp};
use velox_market::{Candle, FeedCursor, MarketEvent};

use super::channel::Channel;

/// Messages kept for those who resume.
const HISTORY: usize = 1_024;
/// Messages a listener may lag behind before it skips to the newest.
const BACKLOG: usize = 512;

/// A market message.
#[derive(Debug)]
pub struct MarketTold {
    /// Of which symbol.
    pub symbol: Symbol,
    /// `trade`, `quote`, `candle` or `stale`: what a newer one takes the place of.
    pub kind: &'static str,
    /// Where in the feed.
    pub cursor: FeedCursor,
    /// The message.
    pub json: Bytes,
}

/// The market's newest messages.
pub struct MarketHub {
    history: RwLock<VecDeque<Arc<MarketTold>>>,
    tell: broadcast::Sender<Arc<MarketTold>>,
}

impl Default for MarketHub {
    fn default() -> Self {
        Self { history: RwLock::default(), tell: broadcast::channel(BACKLOG).0 }
    }
}

#[derive(Serialize)]
struct MarketMessage<'a, T> {
    channel: Channel,
    #[serde(rename = "type")]
    kind: &'a str,
    symbol: Symbol,
    epoch: u64,
    offset: u64,
    at: Timestamp,
    stale: bool,
    data: &'a T,
}

impl MarketHub {
    /// Tells of an event of the feed and the candles it closed.
    pub fn tell(&self, event: &MarketEvent, closed: &[Candle]) {
        let (cursor, at) = (event.cursor(), event.at());
        match event {
            MarketEvent::Trade(trade) => self.send(trade.symbol, "trade", cursor, at, false, trade),
            MarketEvent::Quote(quote) => self.send(quote.symbol, "quote", cursor, at, false, quote),
            MarketEvent::Bar(bar) => self.send(bar.candle.symbol, "candle", cursor, at, false, &bar.candle),
        }
        for candle in closed {
            self.send(candle.symbol, "candle", cursor, at, false, candle);
        }
    }

    /// Tells that a symbol's source has gone mute, or is back.
    pub fn tell_stale(&self, symbol: Symbol, cursor: FeedCursor, at: Timestamp, stale: bool) {
        self.send(symbol, "stale", cursor, at, stale, &());
    }

    fn send(
        &self,
        symbol: Symbol,
        kind: &'static str,
        cursor: FeedCursor,
        at: Timestamp,
        stale: bool,
        data: &impl Serialize,
    ) {
        let message = MarketMessage {
            channel: Channel::MarketData,
            kind,
            symbol,
            epoch: cursor.epoch,
            offset: cursor.offset,
            at,
            stale,
            data,
        };
        let json = Bytes::from(serde_json::to_vec(&message).unwrap_or_default());
        let told = Arc::new(MarketTold { symbol, kind, cursor, json });
        {
            let mut history = self.history.write();
            if history.len() >= HISTORY {
                history.pop_front();
            }
            history.push_back(Arc::clone(&told));
        }
        // Nobody listening is no failure.
        let _ = self.tell.send(told);
    }

    /// What is told from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Arc<MarketTold>> {
        self.tell.subscribe()
    }

    /// What was told after a cursor; `None` when that is too long ago, or of another epoch.
    #[must_use]
    pub fn since(&self, cursor: FeedCursor) -> Option<Vec<Arc<MarketTold>>> {
        let history = self.history.read();
        let first = history.front()?;
        if cursor.epoch != first.cursor.epoch && !history.iter().any(|told| told.cursor.epoch == cursor.epoch) {
            return None;
        }
        if first.cursor > cursor && first.cursor != cursor.next() {
            return None;
        }
        Some(history.iter().filter(|told| told.cursor > cursor).cloned().collect())
    }

    /// The newest message of each kind of each of these symbols, oldest first.
    #[must_use]
    pub fn newest(&self, symbols: &[Symbol]) -> Vec<Arc<MarketTold>> {
        let history = self.history.read();
        let mut newest: Vec<Arc<MarketTold>> = Vec::new();
        for told in history.iter().rev().filter(|told| symbols.contains(&told.symbol)) {
            if !newest.iter().any(|other| other.symbol == told.symbol && other.kind == told.kind) {
                newest.push(Arc::clone(told));
            }
        }
        newest.reverse();
        newest
    }
}
