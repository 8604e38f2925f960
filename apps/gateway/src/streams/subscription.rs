//! The tasks behind subscriptions: each brings one channel's messages into its connection's queue.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use velox_kernel::{AccountId, Symbol};
use velox_trading::{Account, MarkedPosition, Position as Holding, StoreError};

use super::channel::Channel;
use super::market_hub::{MarketCursor, MarketHub, MarketTold, Slot};
use super::notice::{CloseReason, Notice};
use super::outbox::{Gone, Outbox, Position};
use super::private_feed::PrivateFeed;
use crate::views::{BalanceView, OrderView, PositionView};

/// How often a log that cannot be read is tried before the connection is closed, and how long in between.
const READS: u32 = 20;
const READ_AGAIN: Duration = Duration::from_millis(100);
/// How long conflated market data waits for room.
const ROOM: Duration = Duration::from_millis(20);

/// What comes before an account's events.
pub(super) struct First {
    /// That the subscription began.
    pub(super) answer: Bytes,
    /// The present state, where it was wished for.
    pub(super) snapshot: Option<Bytes>,
}

/// Says what comes first, then brings an account's events until the connection goes.
pub(super) async fn follow_account(first: First, mut feed: PrivateFeed, start: Position, outbox: Outbox) {
    // Whoever has the answer without the snapshot does not stand at its place yet: it would not get it when it resumes.
    let answered = first.snapshot.is_none().then_some(start);
    if outbox.send(first.answer, answered).await == Err(Gone) {
        return;
    }
    if let Some(snapshot) = first.snapshot
        && outbox.send(snapshot, Some(start)).await == Err(Gone)
    {
        return;
    }
    let Position::Log { channel, account, .. } = start else { return };
    let mut failures = 0;
    loop {
        match feed.next().await {
            Ok(message) => {
                failures = 0;
                let position = Position::Log { channel, account, seq: message.seq };
                if outbox.send(message.json, Some(position)).await == Err(Gone) {
                    return;
                }
            }
            Err(StoreError::Corrupt(reason)) => {
                tracing::error!(%account, %reason, "a log cannot be streamed");
                return outbox.close(CloseReason::StoreUnavailable);
            }
            Err(error) => {
                failures += 1;
                if failures >= READS {
                    tracing::warn!(%account, %error, "a log cannot be read; the connection is closed");
                    return outbox.close(CloseReason::StoreUnavailable);
                }
                tokio::time::sleep(READ_AGAIN).await;
            }
        }
    }
}

/// Tells of feeds that are mute, go mute or come back, until the connection goes.
pub(super) async fn follow_mute_feeds(hub: Arc<MarketHub>, outbox: Outbox) {
    loop {
        let (mut told, past) = hub.listen_mute();
        for json in past {
            if outbox.send(json, None).await == Err(Gone) {
                return;
            }
        }
        loop {
            match told.recv().await {
                Ok(json) => {
                    if outbox.send(json, None).await == Err(Gone) {
                        return;
                    }
                }
                // What is mute now is told again.
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return,
            }
        }
    }
}

/// Brings market data until the connection goes: in order, and conflated to the newest where it finds no room.
pub(super) async fn follow_market(hub: Arc<MarketHub>, symbols: Vec<Symbol>, after: Vec<MarketCursor>, outbox: Outbox) {
    let (mut told, past, resumed) = hub.listen(&symbols, &after);
    let answer =
        Notice::Subscribed { channel: Channel::MarketData, account: None, seq: None, resumed: Some(resumed) }.to_json();
    if outbox.send(answer.into(), None).await == Err(Gone) {
        return;
    }
    let mut waiting = Waiting::default();
    for message in past {
        // One by one: whoever resumes gets all of it, unless there is no room.
        waiting.add(message);
        waiting.flush(&outbox);
    }
    let mut stuck = Stuck::default();
    loop {
        waiting.flush(&outbox);
        if outbox.is_gone() {
            return;
        }
        if stuck.for_too_long(!waiting.is_empty(), &outbox) {
            return outbox.close(CloseReason::TooSlow);
        }
        let received = if waiting.is_empty() {
            told.recv().await
        } else {
            match tokio::time::timeout(ROOM, told.recv()).await {
                Ok(received) => received,
                Err(_) => continue,
            }
        };
        match received {
            Ok(message) if symbols.contains(&message.slot.symbol) => waiting.add(message),
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => hub.newest(&symbols).into_iter().for_each(|message| waiting.add(message)),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Since when a client has taken nothing while market data waits. One that takes little has patience without end: what
/// waits is conflated.
#[derive(Default)]
struct Stuck(Option<(u64, Instant)>);

impl Stuck {
    fn for_too_long(&mut self, waiting: bool, outbox: &Outbox) -> bool {
        let taken = outbox.taken();
        match self.0 {
            Some((before, since)) if waiting && before == taken => since.elapsed() >= outbox.patience(),
            _ => {
                self.0 = waiting.then(|| (taken, Instant::now()));
                false
            }
        }
    }
}

/// Market messages that wait for room, in the order in which they came: of each slot the newest.
#[derive(Default)]
struct Waiting {
    messages: BTreeMap<u64, Arc<MarketTold>>,
    newest: HashMap<Slot, u64>,
    /// How many were taken in.
    count: u64,
    /// Of each part the newest message taken in, and the epoch before: what is not newer was told already.
    taken: HashMap<u32, (MarketCursor, Option<u64>)>,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    fn add(&mut self, message: Arc<MarketTold>) {
        if !self.is_new(message.cursor) {
            return;
        }
        self.count += 1;
        if let Some(older) = self.newest.insert(message.slot, self.count) {
            self.messages.remove(&older);
        }
        self.messages.insert(self.count, message);
    }

    /// Whether a message was not told already. Another epoch begins with any offset, and is not gone back behind.
    fn is_new(&mut self, cursor: MarketCursor) -> bool {
        match self.taken.entry(cursor.part()) {
            Entry::Vacant(first) => {
                first.insert((cursor, None));
                true
            }
            Entry::Occupied(mut known) => {
                let (newest, before) = known.get_mut();
                if newest.epoch == cursor.epoch {
                    let is_new = newest.offset < cursor.offset;
                    newest.offset = newest.offset.max(cursor.offset);
                    is_new
                } else if *before == Some(cursor.epoch) {
                    false
                } else {
                    (*newest, *before) = (cursor, Some(newest.epoch));
                    true
                }
            }
        }
    }

    fn flush(&mut self, outbox: &Outbox) {
        while let Some(first) = self.messages.first_entry() {
            let message = first.get();
            let position = Position::Market { epoch: message.cursor.epoch, offset: message.cursor.offset };
            if !outbox.offer(&message.json, position) {
                return;
            }
            first.remove();
        }
        self.newest.clear();
    }
}

#[derive(Serialize)]
struct Snapshot<T> {
    channel: Channel,
    account: AccountId,
    #[serde(rename = "type")]
    kind: &'static str,
    seq: u64,
    data: T,
}

#[derive(Serialize)]
struct Holdings {
    positions: Vec<PositionView>,
    balances: Vec<BalanceView>,
}

/// A position as the log gives it: what it is worth moves with the market and is not part of a snapshot.
fn held(account: AccountId, position: &Holding) -> MarkedPosition {
    MarkedPosition { account, strategy: None, position: position.clone(), mark: None, unrealised: None, notional: None }
}

/// An account's present state as a channel shows it.
pub(super) fn snapshot(channel: Channel, account: &Account) -> Bytes {
    let message = |data| Snapshot { channel, account: account.id(), kind: "snapshot", seq: account.seq(), data };
    let json = match channel {
        Channel::Orders => {
            let orders: Vec<OrderView> = account.open_orders().map(OrderView::from).collect();
            serde_json::to_value(orders)
        }
        Channel::Positions => serde_json::to_value(Holdings {
            positions: account
                .positions()
                .filter(|position| !position.quantity.is_zero())
                .map(|position| PositionView::from(&held(account.id(), position)))
                .collect(),
            balances: account.balances().filter_map(|balance| BalanceView::try_from(balance).ok()).collect(),
        }),
        Channel::Alerts | Channel::MarketData => Ok(serde_json::json!({ "halt": account.halt() })),
    };
    Bytes::from(serde_json::to_vec(&message(json.unwrap_or_default())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use velox_kernel::Timestamp;

    use super::*;
    use crate::market_parts::market_part;

    #[test]
    fn a_slow_client_gets_the_newest_of_each_kind_in_order() {
        let now = Timestamp::from_seconds(1_700_000_000);
        let hub = MarketHub::new(now);
        let (one, other): (Symbol, Symbol) = ("BTC-PERP".parse().unwrap(), "ETH-PERP".parse().unwrap());
        let (outbox, mut frames) = Outbox::new(4, Duration::from_secs(1));
        let mut waiting = Waiting::default();
        let mut told = hub.listen(&[one, other], &[]).0;
        // Two find room; of the others the newest of each kind waits.
        for symbol in [one, other, one, other, one] {
            hub.tell_stale(symbol, now, true);
            waiting.add(told.try_recv().unwrap());
            waiting.flush(&outbox);
        }
        let mut sent = Vec::new();
        while let Some(frame) = frames.next_waiting() {
            sent.push(frame.position.unwrap());
            waiting.flush(&outbox);
        }
        let at = |symbol, offset| Position::Market { epoch: hub.next(market_part(symbol)).epoch, offset };
        assert_eq!(sent, [at(one, 1), at(other, 1), at(other, 2), at(one, 3)]);
        // What a lagging listener finds again was told already.
        hub.newest(&[one, other]).into_iter().for_each(|message| waiting.add(message));
        assert!(waiting.is_empty());
    }

    #[test]
    fn another_life_of_the_market_begins_anew_and_is_not_gone_back_behind() {
        let now = Timestamp::from_seconds(1_700_000_000);
        let hub = MarketHub::new(now);
        let symbol: Symbol = "BTC-PERP".parse().unwrap();
        let mut told = hub.listen(&[symbol], &[]).0;
        let mut waiting = Waiting::default();
        let mut tell = |times: u64| {
            (0..times).for_each(|_| hub.tell_stale(symbol, now, true));
            (0..times).map(|_| told.try_recv().unwrap()).collect::<Vec<_>>()
        };
        let before = tell(7);
        hub.begin(market_part(symbol), now);
        let after = tell(2);
        let mut add = |messages: &[Arc<MarketTold>]| {
            let count = waiting.count;
            messages.iter().for_each(|message| waiting.add(Arc::clone(message)));
            waiting.count - count
        };
        assert_eq!((add(&before), add(&after)), (7, 2));
        assert_eq!((add(&before), add(&after)), (0, 0), "all of it was told");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_no_market_data_is_too_slow() {
        let now = Timestamp::from_seconds(1_700_000_000);
        let hub = Arc::new(MarketHub::new(now));
        let symbol: Symbol = "BTC-PERP".parse().unwrap();
        let (outbox, mut frames) = Outbox::new(2, Duration::from_secs(5));
        let following = tokio::spawn(follow_market(Arc::clone(&hub), vec![symbol], vec![], outbox.clone()));
        assert!(frames.next().await.is_some(), "the answer");
        hub.tell_stale(symbol, now, true);
        hub.tell_stale(symbol, now, false);
        let began = Instant::now();
        assert_eq!(outbox.ending().reason().await, CloseReason::TooSlow);
        assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
        following.await.unwrap();
    }
}
