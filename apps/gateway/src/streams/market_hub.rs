//! [`MarketHub`]: the market's newest messages, serialised once, with a short history for those who resume.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use actix_web::web::Bytes;
use parking_lot::RwLock;
use serde::Serialize;
use tokio::sync::broadcast;
use velox_kernel::{Symbol, Timeframe, Timestamp};
use velox_market::{Candle, MarketEvent};

use super::channel::Channel;

/// Messages kept for those who resume.
const HISTORY: usize = 1_024;
/// Messages a listener may lag behind before it skips to the newest.
const BACKLOG: usize = 512;

/// Where a client stands in the market's messages. An epoch is one time in which one process has the feed; in it every
/// message has the next offset, the same on every process, candles included, so that whoever names the last one it has gets exactly what came after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MarketCursor {
    /// When it began to count, in milliseconds since 1970.
    pub epoch: u64,
    /// The message's number, from 1.
    pub offset: u64,
}

/// What a newer message takes the place of when a client is slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Of which symbol.
    pub symbol: Symbol,
    /// `trade`, `quote`, `candle` or `stale`.
    pub kind: &'static str,
    /// Of candles: candles of several timeframes close together and are not each other's newer form.
    pub timeframe: Option<Timeframe>,
}

/// A market message.
#[derive(Debug)]
pub struct MarketTold {
    /// What it is the newest of.
    pub slot: Slot,
    /// Its number.
    pub cursor: MarketCursor,
    /// The message.
    pub json: Bytes,
}

/// The market's newest messages.
pub struct MarketHub {
    told: RwLock<Told>,
    tell: broadcast::Sender<Arc<MarketTold>>,
    mute: RwLock<BTreeMap<Symbol, Bytes>>,
    tell_mute: broadcast::Sender<Bytes>,
}

struct Told {
    newest: MarketCursor,
    history: VecDeque<Arc<MarketTold>>,
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

#[derive(Serialize)]
struct FeedAlert {
    channel: Channel,
    #[serde(rename = "type")]
    kind: &'static str,
    symbol: Symbol,
    at: Timestamp,
}

impl MarketHub {
    /// A hub that counts from now on.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let epoch = u64::try_from(now.micros() / 1_000).unwrap_or(0);
        Self {
            told: RwLock::new(Told { newest: MarketCursor { epoch, offset: 0 }, history: VecDeque::new() }),
            tell: broadcast::channel(BACKLOG).0,
            mute: RwLock::default(),
            tell_mute: broadcast::channel(BACKLOG).0,
        }
    }

    /// Begins to count anew: what was told before is of another life.
    pub fn begin(&self, now: Timestamp) {
        let mut told = self.told.write();
        // Never the same epoch twice, however soon.
        let epoch = u64::try_from(now.micros() / 1_000).unwrap_or(0).max(told.newest.epoch + 1);
        *told = Told { newest: MarketCursor { epoch, offset: 0 }, history: VecDeque::new() };
    }

    /// Where the next message will stand.
    #[must_use]
    pub fn next(&self) -> MarketCursor {
        let newest = self.told.read().newest;
        MarketCursor { offset: newest.offset + 1, ..newest }
    }

    /// Goes on as another process counts, whose next message stands at `next`. Unless that is where this one stands,
    /// something was missed, and nobody can resume from before: then it is false.
    pub fn go_on(&self, next: MarketCursor) -> bool {
        let mut told = self.told.write();
        let newest = MarketCursor { offset: next.offset.saturating_sub(1), ..next };
        let unbroken = told.newest == newest;
        if !unbroken {
            *told = Told { newest, history: VecDeque::new() };
        }
        unbroken
    }

    /// The symbols whose sources were last told to be mute.
    #[must_use]
    pub fn mute(&self) -> Vec<Symbol> {
        self.mute.read().keys().copied().collect()
    }

    /// Tells of candles that closed because their time was over.
    pub fn tell_closed(&self, closed: &[Candle], at: Timestamp) {
        for candle in closed {
            self.tell_candle(candle, at);
        }
    }

    /// Tells of an event of the feed and the candles it closed.
    pub fn tell(&self, event: &MarketEvent, closed: &[Candle]) {
        let at = event.at();
        match event {
            MarketEvent::Trade(trade) => self.send(slot(trade.symbol, "trade"), at, false, trade),
            MarketEvent::Quote(quote) => self.send(slot(quote.symbol, "quote"), at, false, quote),
            MarketEvent::Bar(bar) => self.tell_candle(&bar.candle, at),
        }
        self.tell_closed(closed, at);
    }

    fn tell_candle(&self, candle: &Candle, at: Timestamp) {
        let slot = Slot { symbol: candle.symbol, kind: "candle", timeframe: Some(candle.timeframe) };
        self.send(slot, at, false, candle);
    }

    /// Tells that a symbol's source has gone mute, or is back: those who follow the market, and those who follow
    /// alerts.
    pub fn tell_stale(&self, symbol: Symbol, at: Timestamp, stale: bool) {
        self.send(slot(symbol, "stale"), at, stale, &());
        let kind = if stale { "feed_stale" } else { "feed_recovered" };
        let alert = FeedAlert { channel: Channel::Alerts, kind, symbol, at };
        let json = Bytes::from(serde_json::to_vec(&alert).unwrap_or_default());
        let mut mute = self.mute.write();
        if stale {
            mute.insert(symbol, json.clone());
        } else {
            mute.remove(&symbol);
        }
        // Under the lock, so that a new listener hears of each change once. Nobody listening is no failure.
        let _ = self.tell_mute.send(json);
    }

    fn send(&self, slot: Slot, at: Timestamp, stale: bool, data: &impl Serialize) {
        let mut told = self.told.write();
        let cursor = MarketCursor { offset: told.newest.offset + 1, ..told.newest };
        let message = MarketMessage {
            channel: Channel::MarketData,
            kind: slot.kind,
            symbol: slot.symbol,
            epoch: cursor.epoch,
            offset: cursor.offset,
            at,
            stale,
            data,
        };
        let json = Bytes::from(serde_json::to_vec(&message).unwrap_or_default());
        let message = Arc::new(MarketTold { slot, cursor, json });
        told.newest = cursor;
        if told.history.len() >= HISTORY {
            told.history.pop_front();
        }
        told.history.push_back(Arc::clone(&message));
        // Under the lock, so that listeners hear in the order of the offsets. Nobody listening is no failure.
        let _ = self.tell.send(message);
    }

    /// What is told from now on, and what was told until now: after the client's cursor, or else the newest of each
    /// kind. True when the cursor was good: nothing of these symbols is missing.
    #[must_use]
    pub fn listen(
        &self,
        symbols: &[Symbol],
        after: Option<MarketCursor>,
    ) -> (broadcast::Receiver<Arc<MarketTold>>, Vec<Arc<MarketTold>>, bool) {
        let told = self.told.read();
        let receiver = self.tell.subscribe();
        match after.and_then(|after| told.since(after)) {
            Some(mut past) => {
                past.retain(|message| symbols.contains(&message.slot.symbol));
                (receiver, past, true)
            }
            None => (receiver, told.newest_of(symbols), false),
        }
    }

    /// The newest message of each kind of these symbols, oldest first.
    #[must_use]
    pub fn newest(&self, symbols: &[Symbol]) -> Vec<Arc<MarketTold>> {
        self.told.read().newest_of(symbols)
    }

    /// Alerts of sources that go mute or come back, and those of the sources that are mute now.
    #[must_use]
    pub fn listen_mute(&self) -> (broadcast::Receiver<Bytes>, Vec<Bytes>) {
        let mute = self.mute.read();
        (self.tell_mute.subscribe(), mute.values().cloned().collect())
    }
}

impl Told {
    /// What was told after a cursor; `None` when that is too long ago, not yet, or of another life.
    fn since(&self, after: MarketCursor) -> Option<Vec<Arc<MarketTold>>> {
        let first = self.history.front().map_or(self.newest.offset + 1, |message| message.cursor.offset);
        if after.epoch != self.newest.epoch || after.offset > self.newest.offset || after.offset + 1 < first {
            return None;
        }
        let known = usize::try_from(after.offset + 1 - first).ok()?;
        Some(self.history.iter().skip(known).cloned().collect())
    }

    fn newest_of(&self, symbols: &[Symbol]) -> Vec<Arc<MarketTold>> {
        let mut newest: Vec<Arc<MarketTold>> = Vec::new();
        for told in self.history.iter().rev().filter(|told| symbols.contains(&told.slot.symbol)) {
            if !newest.iter().any(|other| other.slot == told.slot) {
                newest.push(Arc::clone(told));
            }
        }
        newest.reverse();
        newest
    }
}

fn slot(symbol: Symbol, kind: &'static str) -> Slot {
    Slot { symbol, kind, timeframe: None }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn offsets(told: &[Arc<MarketTold>]) -> Vec<u64> {
        told.iter().map(|message| message.cursor.offset).collect()
    }

    #[test]
    fn resumes_exactly_or_says_that_it_cannot() {
        let now = Timestamp::from_seconds(1_700_000_000);
        let hub = MarketHub::new(now);
        let (one, other): (Symbol, Symbol) = ("BTC-PERP".parse().unwrap(), "ETH-PERP".parse().unwrap());
        let epoch = 1_700_000_000_000;
        let after = |offset| Some(MarketCursor { epoch, offset });
        assert!(hub.listen(&[one], after(0)).2, "nothing was told and nothing is missing");
        for _ in 0..3 {
            hub.tell_stale(one, now, true);
            hub.tell_stale(other, now, true);
        }
        let (_, past, resumed) = hub.listen(&[one], after(1));
        assert_eq!((offsets(&past), resumed), (vec![3, 5], true));
        assert_eq!(offsets(&hub.listen(&[one, other], after(6)).1), Vec::<u64>::new());
        for strange in [MarketCursor { epoch, offset: 7 }, MarketCursor { epoch: epoch - 1, offset: 2 }] {
            let (_, past, resumed) = hub.listen(&[one], Some(strange));
            assert_eq!((offsets(&past), resumed), (vec![5], false), "the newest of the kind");
        }
        for _ in 0..HISTORY {
            hub.tell_stale(one, now, true);
        }
        assert!(!hub.listen(&[one], after(5)).2, "too long ago");
        assert!(hub.listen(&[one], after(6)).2);
    }

    #[test]
    fn goes_on_as_another_process_counts() {
        let now = Timestamp::from_seconds(1_700_000_000);
        let (leader, follower) = (MarketHub::new(now), MarketHub::new(now));
        let symbol: Symbol = "BTC-PERP".parse().unwrap();
        leader.begin(now);
        assert_ne!(leader.next().epoch, follower.next().epoch, "two lives in one millisecond are two");
        let tell = |heard: bool| {
            let next = leader.next();
            leader.tell_stale(symbol, now, true);
            if heard {
                follower.go_on(next);
                follower.tell_stale(symbol, now, true);
            }
        };
        (0..3).for_each(|_| tell(true));
        let (_, past, resumed) = follower.listen(&[symbol], Some(MarketCursor { offset: 1, ..leader.next() }));
        assert_eq!((offsets(&past), resumed), (vec![2, 3], true), "on the other process, without a gap");
        tell(false);
        tell(true);
        assert_eq!(follower.next(), leader.next());
        let (_, past, resumed) = follower.listen(&[symbol], Some(MarketCursor { offset: 3, ..leader.next() }));
        assert_eq!((offsets(&past), resumed), (vec![5], false), "one is missing here, and that is said");
    }

    #[test]
    fn alerts_tell_of_mute_sources_until_they_are_back() {
        let now = Timestamp::from_seconds(1_700_000_000);
        let hub = MarketHub::new(now);
        let symbol: Symbol = "BTC-PERP".parse().unwrap();
        hub.tell_stale(symbol, now, true);
        let (mut told, past) = hub.listen_mute();
        assert_eq!(
            past,
            [Bytes::from_static(
                br#"{"channel":"alerts","type":"feed_stale","symbol":"BTC-PERP","at":"2023-11-14T22:13:20Z"}"#
            )]
        );
        hub.tell_stale(symbol, now, false);
        assert!(told.try_recv().unwrap().windows(14).any(|part| part == b"feed_recovered"));
        assert!(hub.listen_mute().1.is_empty());
    }
}
