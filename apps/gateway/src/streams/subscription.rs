//! The tasks behind subscriptions: each brings one channel's messages into its connection's queue.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use velox_kernel::{AccountId, Symbol};
use velox_market::FeedCursor;
use velox_trading::{Account, MarkedPosition, Position as Holding, StoreError};

use super::channel::Channel;
use super::market_hub::{MarketHub, MarketTold};
use super::notice::CloseReason;
use super::outbox::{Gone, Outbox, Position};
use super::private_feed::PrivateFeed;
use crate::views::{BalanceView, OrderView, PositionView};

/// How often a log that cannot be read is tried before the connection is closed, and how long in between.
const READS: u32 = 20;
const READ_AGAIN: Duration = Duration::from_millis(100);
/// How long conflated market data waits for room.
const ROOM: Duration = Duration::from_millis(20);

/// Brings an account's events until the connection goes.
pub(super) async fn follow_account(mut feed: PrivateFeed, channel: Channel, account: AccountId, outbox: Outbox) {
    let mut failures = 0;
    loop {
        match feed.next().await {
            Ok(message) => {
                failures = 0;
                let position = Position::Log { channel, account, seq: message.seq };
                if outbox.send(message.json, Some(position)).await == Err(Gone) {
                    outbox.close(CloseReason::TooSlow);
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

/// Brings market data until the connection goes: in order, and conflated to the newest where it finds no room.
pub(super) async fn follow_market(
    hub: Arc<MarketHub>,
    symbols: Vec<Symbol>,
    after: Option<FeedCursor>,
    outbox: Outbox,
) {
    let mut told = hub.listen();
    let mut waiting = Waiting::default();
    // What was told before: after the client's cursor, or the newest of each kind.
    let past = after.and_then(|cursor| hub.since(cursor)).unwrap_or_else(|| hub.newest(&symbols));
    let mut newest = after.unwrap_or_default();
    for message in past.into_iter().filter(|message| symbols.contains(&message.symbol)) {
        newest = newest.max(message.cursor);
        waiting.add(message);
    }
    loop {
        waiting.flush(&outbox);
        if outbox.is_gone() {
            return;
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
            Ok(message) if symbols.contains(&message.symbol) && message.cursor >= newest => waiting.add(message),
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => hub.newest(&symbols).into_iter().for_each(|message| waiting.add(message)),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Market messages that wait for room: in order, the newest of each symbol and kind.
#[derive(Default)]
struct Waiting {
    messages: Vec<Arc<MarketTold>>,
    places: HashMap<(Symbol, &'static str), usize>,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    fn add(&mut self, message: Arc<MarketTold>) {
        let key = (message.symbol, message.kind);
        // Candles of several timeframes close together: they are not each other's newer form.
        match self.places.get(&key) {
            Some(place) if message.kind != "candle" => self.messages[*place] = message,
            _ => {
                self.places.insert(key, self.messages.len());
                self.messages.push(message);
            }
        }
    }

    fn flush(&mut self, outbox: &Outbox) {
        let mut sent = 0;
        for message in &self.messages {
            let position = Position::Market { epoch: message.cursor.epoch, offset: message.cursor.offset };
            if !outbox.offer(&message.json, position) {
                break;
            }
            sent += 1;
        }
        self.messages.drain(..sent);
        self.places.clear();
        for (place, message) in self.messages.iter().enumerate() {
            self.places.insert((message.symbol, message.kind), place);
        }
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
