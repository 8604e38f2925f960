//! [`MarketHub`]: the market's newest messages, serialised once, with a short history for those who resume.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use actix_web::web::Bytes;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use velox_kernel::{Symbol, Timeframe, Timestamp};
use velox_market::{Candle, MarketEvent};

use super::channel::Channel;
use crate::market_parts::{MARKET_PARTS, market_part};

/// Messages of a part kept for those who resume.
const HISTORY: usize = 1_024;
/// Messages a listener may lag behind before it skips to the newest.
const BACKLOG: usize = 512;

/// Where a client stands in the messages of a part of the market. An epoch is one time in which one process has the part's
/// feed; in it every message of the part has the next offset, the same on every process, candles included, so that whoever names
/// the last one it has gets exactly what came after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketCursor {
    /// When it began to count, in milliseconds since 1970, give or take a few: its rest by [`MARKET_PARTS`] is the part.
    pub epoch: u64,
    /// The message's number, from 1.
    pub offset: u64,
}

impl MarketCursor {
    /// The part of the market that it is of.
    #[must_use]
    pub fn part(self) -> u32 {
        u32::try_from(self.epoch % u64::from(MARKET_PARTS)).unwrap_or(0)
    }
}

/// The first epoch of a part that is no earlier than a time and later than another epoch.
fn epoch_of(part: u32, now: Timestamp, after: Option<u64>) -> u64 {
    let (parts, part) = (u64::from(MARKET_PARTS), u64::from(part));
    let least = u64::try_from(now.micros() / 1_000).unwrap_or(0).max(after.map_or(0, |epoch| epoch.saturating_add(1)));
    let rounds = least.saturating_sub(part).div_ceil(parts);
    rounds.saturating_mul(parts).saturating_add(part)
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
    /// By part.
    told: Vec<RwLock<Told>>,
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
        let begun = |part| RwLock::new(Told::at(MarketCursor { epoch: epoch_of(part, now, None), offset: 0 }));
        Self {
            told: (0..MARKET_PARTS).map(begun).collect(),
            tell: broadcast::channel(BACKLOG).0,
            mute: RwLock::default(),
            tell_mute: broadcast::channel(BACKLOG).0,
        }
    }

    /// Begins to count a part anew: what was told of it before is of another life.
    pub fn begin(&self, part: u32, now: Timestamp) {
        let Some(told) = self.part(part) else { return };
        let mut told = told.write();
        // Never the same epoch twice, however soon.
        *told = Told::at(MarketCursor { epoch: epoch_of(part, now, Some(told.newest.epoch)), offset: 0 });
    }

    /// Where the next message of a part will stand.
    #[must_use]
    pub fn next(&self, part: u32) -> MarketCursor {
        let newest = self.part(part).map_or_else(MarketCursor::default, |told| told.read().newest);
        MarketCursor { offset: newest.offset + 1, ..newest }
    }

    /// Goes on as another process counts, whose next message of a part stands at `next`. Unless that is where this one
    /// stands, something was missed, and nobody can resume from before: then it is false.
    pub fn go_on(&self, part: u32, next: MarketCursor) -> bool {
        let Some(told) = self.part(part) else { return false };
        let mut told = told.write();
        let newest = MarketCursor { offset: next.offset.saturating_sub(1), ..next };
        let unbroken = told.newest == newest;
        if !unbroken {
            *told = Told::at(newest);
        }
        unbroken
    }

    fn part(&self, part: u32) -> Option<&RwLock<Told>> {
        self.told.get(usize::try_from(part).ok()?)
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
        self.alert_stale(symbol, at, stale);
    }

    /// Tells those who follow alerts that a symbol's source has gone mute, or is back, unless they know.
    pub fn alert_stale(&self, symbol: Symbol, at: Timestamp, stale: bool) {
        let kind = if stale { "feed_stale" } else { "feed_recovered" };
        let alert = FeedAlert { channel: Channel::Alerts, kind, symbol, at };
        let json = Bytes::from(serde_json::to_vec(&alert).unwrap_or_default());
        let mut mute = self.mute.write();
        let is_known = match stale {
            true => mute.insert(symbol, json.clone()).is_some(),
            false => mute.remove(&symbol).is_none(),
        };
        if !is_known {
            // Under the lock, so that a new listener hears of each change once. Nobody listening is no failure.
            let _ = self.tell_mute.send(json);
        }
    }

    fn send(&self, slot: Slot, at: Timestamp, stale: bool, data: &impl Serialize) {
        let Some(told) = self.part(market_part(slot.symbol)) else { return };
        let mut told = told.write();
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
        // Under the lock, so that listeners hear each part in the order of its offsets. Nobody listening is no failure.
        let _ = self.tell.send(message);
    }

    /// What is told from now on, and what was told until now: of each part after the client's cursor of that part, or else
    /// the newest of each kind. True when there was a good one of each: nothing of these symbols is missing.
    #[must_use]
    pub fn listen(
        &self,
        symbols: &[Symbol],
        after: &[MarketCursor],
    ) -> (broadcast::Receiver<Arc<MarketTold>>, Vec<Arc<MarketTold>>, bool) {
        let parts: BTreeSet<u32> = symbols.iter().map(|symbol| market_part(*symbol)).collect();
        // All of them at once: what is told while this listens is either past or still to come.
        let told: Vec<_> = parts.iter().filter_map(|part| Some((*part, self.part(*part)?.read()))).collect();
        let receiver = self.tell.subscribe();
        let (mut past, mut is_whole) = (Vec::new(), true);
        for (part, told) in told {
            let cursor = after.iter().filter(|cursor| cursor.part() == part).max();
            match cursor.and_then(|cursor| told.since(*cursor)) {
                Some(since) => past.extend(since.into_iter().filter(|message| symbols.contains(&message.slot.symbol))),
                None => {
                    past.extend(told.newest_of(symbols));
                    is_whole = false;
                }
            }
        }
        (receiver, past, is_whole)
    }

    /// The newest message of each kind of these symbols, of each part oldest first.
    #[must_use]
    pub fn newest(&self, symbols: &[Symbol]) -> Vec<Arc<MarketTold>> {
        let parts: BTreeSet<u32> = symbols.iter().map(|symbol| market_part(*symbol)).collect();
        parts.into_iter().filter_map(|part| self.part(part)).flat_map(|told| told.read().newest_of(symbols)).collect()
    }

    /// Alerts of sources that go mute or come back, and those of the sources that are mute now.
    #[must_use]
    pub fn listen_mute(&self) -> (broadcast::Receiver<Bytes>, Vec<Bytes>) {
        let mute = self.mute.read();
        (self.tell_mute.subscribe(), mute.values().cloned().collect())
    }
}

impl Told {
    /// Nothing, up to here.
    const fn at(newest: MarketCursor) -> Self {
        Self { newest, history: VecDeque::new() }
    }

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

    fn now() -> Timestamp {
        Timestamp::from_seconds(1_700_000_000)
    }

    /// Symbols of one part.
    fn of_one_part() -> [Symbol; 2] {
        let mut names = (0..).map(|number| format!("S{number}").parse::<Symbol>().unwrap());
        let one = names.next().unwrap();
        [one, names.find(|other| market_part(*other) == market_part(one)).unwrap()]
    }

    /// Symbols of two parts.
    fn of_two_parts() -> [Symbol; 2] {
        let mut names = (0..).map(|number| format!("S{number}").parse::<Symbol>().unwrap());
        let one = names.next().unwrap();
        [one, names.find(|other| market_part(*other) != market_part(one)).unwrap()]
    }

    #[test]
    fn resumes_exactly_or_says_that_it_cannot() {
        let hub = MarketHub::new(now());
        let [one, other] = of_one_part();
        let part = market_part(one);
        let epoch = hub.next(part).epoch;
        assert_eq!(MarketCursor { epoch, offset: 0 }.part(), part);
        assert!(epoch.abs_diff(1_700_000_000_000) <= u64::from(MARKET_PARTS));
        let after = |offset| [MarketCursor { epoch, offset }];
        assert!(hub.listen(&[one], &after(0)).2, "nothing was told and nothing is missing");
        for _ in 0..3 {
            hub.tell_stale(one, now(), true);
            hub.tell_stale(other, now(), true);
        }
        let (_, past, resumed) = hub.listen(&[one], &after(1));
        assert_eq!((offsets(&past), resumed), (vec![3, 5], true));
        assert_eq!(offsets(&hub.listen(&[one, other], &after(6)).1), Vec::<u64>::new());
        let before = epoch - u64::from(MARKET_PARTS);
        for strange in
            [vec![MarketCursor { epoch, offset: 7 }], vec![MarketCursor { epoch: before, offset: 2 }], vec![]]
        {
            let (_, past, resumed) = hub.listen(&[one], &strange);
            assert_eq!((offsets(&past), resumed), (vec![5], false), "the newest of the kind");
        }
        for _ in 0..HISTORY {
            hub.tell_stale(one, now(), true);
        }
        assert!(!hub.listen(&[one], &after(5)).2, "too long ago");
        assert!(hub.listen(&[one], &after(6)).2);
    }

    #[test]
    fn parts_count_for_themselves_and_are_resumed_by_a_cursor_each() {
        let hub = MarketHub::new(now());
        let [one, other] = of_two_parts();
        for _ in 0..3 {
            hub.tell_stale(one, now(), true);
            hub.tell_stale(other, now(), true);
        }
        let [first, second] = [one, other].map(|symbol| hub.next(market_part(symbol)));
        assert_eq!((first.offset, second.offset), (4, 4));
        assert_ne!(first.epoch, second.epoch);
        let at = |cursor: MarketCursor, offset| MarketCursor { offset, ..cursor };
        let (_, past, resumed) = hub.listen(&[one, other], &[at(first, 1), at(second, 2), at(second, 0)]);
        let mut told: Vec<_> = past.iter().map(|message| (message.slot.symbol, message.cursor.offset)).collect();
        told.sort_unstable();
        assert_eq!((told, resumed), (vec![(one, 2), (one, 3), (other, 3)], true));
        // Of a part without a cursor the newest comes, and that is said.
        let (_, past, resumed) = hub.listen(&[one, other], &[at(first, 2)]);
        assert_eq!((offsets(&past), resumed), (vec![3, 3], false));
        hub.begin(market_part(one), now());
        assert!(!hub.listen(&[one], &[at(first, 3)]).2);
        assert!(hub.listen(&[other], &[at(second, 3)]).2, "the other part goes on");
    }

    #[test]
    fn goes_on_as_another_process_counts() {
        let (leader, follower) = (MarketHub::new(now()), MarketHub::new(now()));
        let symbol: Symbol = "BTC-PERP".parse().unwrap();
        let part = market_part(symbol);
        leader.begin(part, now());
        assert_ne!(leader.next(part).epoch, follower.next(part).epoch, "two lives in one millisecond are two");
        let tell = |heard: bool| {
            let next = leader.next(part);
            leader.tell_stale(symbol, now(), true);
            if heard {
                follower.go_on(part, next);
                follower.tell_stale(symbol, now(), true);
            }
        };
        let after = |offset| [MarketCursor { offset, ..leader.next(part) }];
        (0..3).for_each(|_| tell(true));
        let (_, past, resumed) = follower.listen(&[symbol], &after(1));
        assert_eq!((offsets(&past), resumed), (vec![2, 3], true), "on the other process, without a gap");
        tell(false);
        tell(true);
        assert_eq!(follower.next(part), leader.next(part));
        let (_, past, resumed) = follower.listen(&[symbol], &after(3));
        assert_eq!((offsets(&past), resumed), (vec![5], false), "one is missing here, and that is said");
    }

    #[test]
    fn alerts_tell_of_mute_sources_until_they_are_back() {
        let hub = MarketHub::new(now());
        let symbol: Symbol = "BTC-PERP".parse().unwrap();
        hub.tell_stale(symbol, now(), true);
        let (mut told, past) = hub.listen_mute();
        assert_eq!(
            past,
            [Bytes::from_static(
                br#"{"channel":"alerts","type":"feed_stale","symbol":"BTC-PERP","at":"2023-11-14T22:13:20Z"}"#
            )]
        );
        hub.tell_stale(symbol, now(), false);
        assert!(told.try_recv().unwrap().windows(14).any(|part| part == b"feed_recovered"));
        assert!(hub.listen_mute().1.is_empty());
    }
}
