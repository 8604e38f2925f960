//! [`PrivateFeed`]: a cursor on one account's log, for one channel. The hub only wakes it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use velox_kernel::{AccountId, Timestamp};
use velox_trading::{RecordedEvent, StoreError, TradingLog};

use super::channel::Channel;
use crate::accounts::{Committed, Hub};

/// Events read from the store at a time.
const PAGE: u32 = 500;

/// A cursor on one account's log.
pub(super) struct PrivateFeed {
    channel: Channel,
    account: AccountId,
    log: Arc<dyn TradingLog>,
    told: broadcast::Receiver<Arc<Committed>>,
    /// How long to trust the hub's silence; `None` when nobody else writes to the store.
    look_every: Option<Duration>,
    /// The newest event looked at.
    seen: u64,
    /// The newest event sent.
    sent: u64,
    ready: VecDeque<Ready>,
    /// Whether the store may hold events that were not looked at.
    behind: bool,
}

enum Ready {
    Shared(Arc<Committed>, usize),
    Own(Box<RecordedEvent>),
}

/// A message and the event's number.
pub(super) struct Message {
    pub(super) json: Bytes,
    pub(super) seq: u64,
}

impl PrivateFeed {
    /// A cursor after event number `after`.
    pub(super) fn new(
        hub: &Hub,
        log: Arc<dyn TradingLog>,
        channel: Channel,
        account: AccountId,
        after: u64,
        look_every: Option<Duration>,
    ) -> Self {
        // Followed before the store is read: what is committed in between is heard of twice, and dropped once.
        let told = hub.follow(account);
        Self { channel, account, log, told, look_every, seen: after, sent: after, ready: VecDeque::new(), behind: true }
    }

    /// The next message of the channel. Dropping the future before it is ready loses nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the log could not be read; the next call tries again.
    pub(super) async fn next(&mut self) -> Result<Message, StoreError> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                let message = self.message(&ready);
                self.sent = message.seq;
                return Ok(message);
            }
            if self.behind {
                self.read_store().await?;
                continue;
            }
            let told = match self.look_every {
                Some(every) => match tokio::time::timeout(every, self.told.recv()).await {
                    Ok(told) => told,
                    Err(_) => {
                        self.behind = true;
                        continue;
                    }
                },
                None => self.told.recv().await,
            };
            match told {
                Ok(committed) => self.take(&committed),
                // Too many commits at once, or the hub was made anew: the store has them all.
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return Err(StoreError::Unavailable("the hub has ended".into())),
            }
        }
    }

    fn take(&mut self, committed: &Arc<Committed>) {
        let next = committed.events.first().map_or(committed.newest, |record| record.seq - 1);
        if next > self.seen {
            // A hole, or another process's events: the store fills it, these included.
            self.behind = true;
            return;
        }
        for (place, record) in committed.events.iter().enumerate() {
            if record.seq > self.seen {
                self.seen = record.seq;
                if self.channel.carries(&record.kind) {
                    self.ready.push_back(Ready::Shared(Arc::clone(committed), place));
                }
            }
        }
    }

    async fn read_store(&mut self) -> Result<(), StoreError> {
        let page = self.log.events(self.account, self.seen, PAGE).await?;
        self.behind = page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
        for record in page {
            self.seen = record.seq;
            if self.channel.carries(&record.kind) {
                self.ready.push_back(Ready::Own(Box::new(record)));
            }
        }
        Ok(())
    }

    fn message(&self, ready: &Ready) -> Message {
        match ready {
            Ready::Own(record) => Message { json: serialise(record, self.channel, self.sent), seq: record.seq },
            Ready::Shared(committed, place) => {
                let record = &committed.events[*place];
                // Written once by the first subscriber that sends it; a subscriber that has just resumed may have
                // another predecessor and writes its own.
                let (prev, json) = committed.forms[*place][self.channel.index()]
                    .get_or_init(|| (self.sent, serialise(record, self.channel, self.sent)));
                let json = if *prev == self.sent { json.clone() } else { serialise(record, self.channel, self.sent) };
                Message { json, seq: record.seq }
            }
        }
    }
}

#[derive(Serialize)]
struct EventMessage<'a> {
    channel: Channel,
    account: AccountId,
    seq: u64,
    prev_seq: u64,
    #[serde(rename = "type")]
    kind: &'a str,
    market_time: Timestamp,
    recorded_at: Timestamp,
    data: &'a RawValue,
}

fn serialise(record: &RecordedEvent, channel: Channel, prev_seq: u64) -> Bytes {
    let payload: Option<&RawValue> = serde_json::from_slice(&record.payload).ok();
    let message = EventMessage {
        channel,
        account: record.account,
        seq: record.seq,
        prev_seq,
        kind: &record.kind,
        market_time: record.market_time,
        recorded_at: record.recorded_at,
        data: payload.unwrap_or(RawValue::NULL),
    };
    Bytes::from(serde_json::to_vec(&message).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use tokio::sync::broadcast::error::TryRecvError;
    use uuid::Uuid;
    use velox_testkit::trading::MemoryTradingStore;

    use super::*;
    use crate::accounts::Touched;

    #[tokio::test]
    async fn another_processs_commit_makes_it_read_the_store_and_an_old_one_does_not() {
        let (hub, work) = Hub::new();
        let account = AccountId::new(Uuid::from_u128(1));
        let log = Arc::new(MemoryTradingStore::default());
        let mut feed = PrivateFeed::new(&hub, log, Channel::Orders, account, 7, None);
        feed.read_store().await.unwrap();
        hub.tell_elsewhere(account, 7, Touched::Orders);
        let told = feed.told.try_recv().unwrap();
        feed.take(&told);
        assert!(!feed.behind, "it has that one");
        hub.tell_elsewhere(account, 8, Touched::Orders);
        let told = feed.told.try_recv().unwrap();
        feed.take(&told);
        assert!(feed.behind);
        feed.read_store().await.unwrap();
        hub.tell_missed();
        let told = feed.told.try_recv().unwrap();
        feed.take(&told);
        assert!(feed.behind, "anything may have been committed");
        assert!(matches!(feed.told.try_recv(), Err(TryRecvError::Empty)));
        // The executor was told that an order waits.
        tokio::time::timeout(Duration::from_secs(1), work.elsewhere().notified()).await.unwrap();
    }
}
