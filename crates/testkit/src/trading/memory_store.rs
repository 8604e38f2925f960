//! [`MemoryTradingStore`]: the log and the read tables in memory, as strict as a database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use velox_kernel::{
    AccountId, ClientOrderId, Digest, Fence, FillId, MemberId, OrderId, OrgId, RoleLook, Shard, ShardStore, ShardsAway,
};
use velox_trading::{
    Append, Appended, DecideLocked, Head, Marked, Projection, RecordedEvent, RelayStore, STATE_VERSION, Snapshot,
    StoreError, TradingLog, Unpublished,
};

use super::Rows;
use crate::peers::MemoryShards;

/// Keeps everything in memory. It holds its lock only while it computes.
#[derive(Debug, Default)]
pub struct MemoryTradingStore {
    pub(super) tables: Mutex<Tables>,
    /// Who may note what was published.
    pub shards: MemoryShards,
    /// How often a log was read.
    pub reads: AtomicU64,
    /// Accounts whose logs cannot be read any more.
    pub damaged: Mutex<BTreeSet<AccountId>>,
}

/// Every account, and the indexes that span them.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) streams: BTreeMap<AccountId, Stream>,
    pub(super) account_of_order: BTreeMap<OrderId, AccountId>,
    pub(super) open_orders: BTreeMap<OrderId, AccountId>,
}

/// One account.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) org: OrgId,
    pub(super) rows: Rows,
    events: Vec<RecordedEvent>,
    client_ids: BTreeMap<ClientOrderId, OrderId>,
    pub(super) fill_ids: BTreeSet<FillId>,
    snapshot: Option<(u16, Snapshot)>,
    published: u64,
}

impl Stream {
    fn new(org: OrgId) -> Self {
        Self {
            org,
            rows: Rows::default(),
            events: vec![],
            client_ids: BTreeMap::new(),
            fill_ids: BTreeSet::new(),
            snapshot: None,
            published: 0,
        }
    }

    fn head(&self) -> Head {
        self.events.last().map_or(Head { seq: 0, hash: Digest::ZERO }, |last| Head { seq: last.seq, hash: last.hash })
    }

    fn after(&self, seq: u64) -> &[RecordedEvent] {
        let from = self.events.partition_point(|event| event.seq <= seq);
        &self.events[from..]
    }

    pub(super) fn order_of_client_id(&self, id: ClientOrderId) -> Option<OrderId> {
        self.client_ids.get(&id).copied()
    }

    /// Whether the projection would give a client order id or a fill's name away twice.
    fn repeats_a_name(&self, projection: &Projection) -> bool {
        let mut ids = BTreeMap::new();
        let order_repeats = projection.orders.iter().any(|order| {
            let holder = self.order_of_client_id(order.client_order_id);
            let holder = holder.unwrap_or(*ids.entry(order.client_order_id).or_insert(order.id));
            holder != order.id
        });
        let mut fills = BTreeSet::new();
        order_repeats
            || projection
                .fills
                .iter()
                .any(|recorded| self.fill_ids.contains(&recorded.fill.id) || !fills.insert(recorded.fill.id))
    }
}

impl Tables {
    fn commit(&mut self, append: Append, shards: &MemoryShards) -> Result<Appended, StoreError> {
        let Append { account, org, expected_seq, events, projection, fence, position } = append;
        let in_order =
            (expected_seq + 1..).zip(&events).all(|(seq, event)| event.seq == seq && event.account == account);
        if events.is_empty() || !in_order {
            return Err(StoreError::Corrupt("an append must carry the events after the expected one".to_owned()));
        }
        if fence.is_some_and(|fence| !shards.holds(fence)) {
            return Ok(Appended::Fenced);
        }
        let empty = Stream::new(org);
        let known = self.streams.get(&account).unwrap_or(&empty);
        if known.head().seq != expected_seq || known.repeats_a_name(&projection) {
            return Ok(Appended::Conflict);
        }
        if let (Some(fence), Some(position)) = (fence, position) {
            shards.note_position(fence, position);
        }
        let stream = self.streams.entry(account).or_insert(empty);
        stream.events.extend(events);
        stream.client_ids.extend(projection.orders.iter().map(|order| (order.client_order_id, order.id)));
        stream.fill_ids.extend(projection.fills.iter().map(|recorded| recorded.fill.id));
        stream.rows.take(&projection);
        for order in &projection.orders {
            self.account_of_order.insert(order.id, account);
            if order.status.is_open() {
                self.open_orders.insert(order.id, account);
            } else {
                self.open_orders.remove(&order.id);
            }
        }
        Ok(Appended::Committed)
    }
}

#[async_trait]
impl TradingLog for MemoryTradingStore {
    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Appended>, StoreError> {
        let mut tables = self.tables.lock();
        batch.into_iter().map(|append| tables.commit(append, &self.shards)).collect()
    }

    async fn append_locked(
        &self,
        account: AccountId,
        known: Head,
        mut decide: Box<dyn DecideLocked>,
    ) -> Result<(Box<dyn DecideLocked>, Option<Appended>), StoreError> {
        let mut tables = self.tables.lock();
        let (head, tail) = tables.streams.get(&account).map_or_else(
            || (Head { seq: 0, hash: Digest::ZERO }, vec![]),
            |stream| (stream.head(), stream.after(known.seq).to_vec()),
        );
        let appended = match decide.decide(head, tail) {
            Some(append) => Some(tables.commit(append, &self.shards)?),
            None => None,
        };
        Ok((decide, appended))
    }

    async fn events(&self, account: AccountId, after: u64, limit: u32) -> Result<Vec<RecordedEvent>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        if self.damaged.lock().contains(&account) {
            return Err(StoreError::Corrupt(format!("the log of {account}")));
        }
        let tables = self.tables.lock();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(tables
            .streams
            .get(&account)
            .map_or_else(Vec::new, |stream| stream.after(after).iter().take(limit).cloned().collect()))
    }

    async fn tails(&self, after: &[(AccountId, u64)], limit: u32) -> Result<Vec<Vec<RecordedEvent>>, StoreError> {
        let mut tails = Vec::with_capacity(after.len());
        for (account, after) in after {
            tails.push(self.events(*account, *after, limit).await?);
        }
        Ok(tails)
    }

    async fn snapshot(&self, account: AccountId) -> Result<Option<Snapshot>, StoreError> {
        let tables = self.tables.lock();
        let kept = tables.streams.get(&account).and_then(|stream| stream.snapshot.as_ref());
        Ok(kept.filter(|(version, _)| *version == STATE_VERSION).map(|(_, snapshot)| snapshot.clone()))
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        if let Some(stream) = self.tables.lock().streams.get_mut(&snapshot.account.id()) {
            stream.snapshot = Some((STATE_VERSION, snapshot));
        }
        Ok(())
    }
}

#[async_trait]
impl RelayStore for MemoryTradingStore {
    async fn prepare_relay(&self) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn unpublished(&self, after: Option<AccountId>, limit: u32) -> Result<Vec<Unpublished>, StoreError> {
        let tables = self.tables.lock();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let streams = tables.streams.iter().filter(|(account, stream)| {
            after.is_none_or(|after| **account > after) && stream.published < stream.head().seq
        });
        let streams = streams.map(|(account, stream)| Unpublished {
            account: *account,
            org: stream.org,
            head: stream.head().seq,
            published: stream.published,
        });
        Ok(streams.take(limit).collect())
    }

    async fn mark_published(&self, fence: Fence, marks: &[(AccountId, u64)]) -> Result<Marked, StoreError> {
        if !self.shards.holds(fence) {
            return Ok(Marked::Fenced);
        }
        let mut tables = self.tables.lock();
        for (account, seq) in marks {
            if let Some(stream) = tables.streams.get_mut(account) {
                stream.published = stream.published.max(*seq);
            }
        }
        Ok(Marked::Noted)
    }
}

#[async_trait]
impl ShardStore for MemoryTradingStore {
    async fn beat(
        &self,
        role: &'static str,
        member: MemberId,
        count: u32,
        gone: &[MemberId],
    ) -> Result<RoleLook, ShardsAway> {
        self.shards.beat(role, member, count, gone).await
    }

    async fn take(&self, role: &'static str, member: MemberId, seen: &[Shard]) -> Result<Vec<Shard>, ShardsAway> {
        self.shards.take(role, member, seen).await
    }

    async fn set_position(&self, fence: Fence, position: u64) -> Result<bool, ShardsAway> {
        self.shards.set_position(fence, position).await
    }

    async fn release(
        &self,
        role: &'static str,
        member: MemberId,
        shards: &[u32],
        leaves: bool,
    ) -> Result<(), ShardsAway> {
        self.shards.release(role, member, shards, leaves).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::peers::shard_store_contract;
    use crate::trading::contract::{marks_are_kept_by_whoever_has_the_shard, whoever_lost_its_shard_writes_nothing};
    use crate::trading::{FreshIds, TradingPorts, trading_store_contract};

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn passes_the_contract() {
        let store = Arc::new(MemoryTradingStore::default());
        trading_store_contract(async || TradingPorts { log: store.clone(), queries: store.clone() }).await;
        marks_are_kept_by_whoever_has_the_shard(&*store).await;
        whoever_lost_its_shard_writes_nothing(&*store).await;
        let member = || MemberId::new(velox_kernel::Ids::next(&FreshIds));
        shard_store_contract(&*store, "contract", member(), member()).await;
    }
}
