//! [`Relay`]: publishes what is not published yet, stream by stream, in order.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use metrics::{counter, gauge};
use tokio::sync::Notify;
use tokio::time::Instant;
use velox_kernel::{AccountId, BusRecord, EventBus, Fence, PublishError};
use velox_messages::{Codec, EncodeError, Message, Topic};
use velox_trading::{Marked, RecordedEvent, RelayStore, StoreError, TradingLog, TradingQueries, Unpublished};

use super::follower::{FollowError, Follower, PAGE};
use super::followers::Followers;
use crate::shards::{Held, shard_of};
use crate::shutdown::Shutdown;

/// Events that are handed over together, of all streams: some megabytes.
const EVENTS: u32 = 4_096;
/// Streams of a page, and pages, that are looked at to count what waits. Of more streams the gauge says a part.
const COUNTED: u32 = 4_096;
const COUNTED_PAGES: u32 = 64;
/// How long another process may make what finds unpublished streams until this one looks whether it is there.
const PREPARED_AGAIN: Duration = Duration::from_secs(10);
/// How long a stream is left alone that could not be published.
const REFUSED: Duration = Duration::from_secs(60);

/// Until when it is known which stream could not be published, should nobody try it again: it may be another one's now.
const FORGOTTEN: Duration = REFUSED.saturating_mul(2);
/// Refused streams that are tried again with one look.
const TRIED_AGAIN: usize = 16;

/// From so many streams refused one after the other on, it is the topic that is refused.
const REFUSED_IN_A_ROW: u32 = 8;

/// The topics that a stream's events go to, all together: none is published before all of them can be.
pub const RELAYED: [Topic; 3] = [Topic::Orders, Topic::Positions, Topic::Alerts];

/// How the relay is sized.
#[derive(Clone, Copy, Debug)]
pub struct RelaySettings {
    /// How often it looks into the store when nobody wakes it.
    pub look_every: Duration,
    /// The least time between two looks: what is committed meanwhile goes together.
    pub gap: Duration,
    /// How long it waits after something failed.
    pub again: Duration,
    /// Streams that are published together.
    pub streams: u32,
    /// Streams that are read at once.
    pub at_once: usize,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            look_every: Duration::from_secs(1),
            gap: Duration::from_millis(5),
            again: Duration::from_secs(1),
            streams: 200,
            at_once: 4,
        }
    }
}

/// What the relay works with.
#[derive(Clone)]
pub struct RelayPorts {
    /// The log.
    pub log: Arc<dyn TradingLog>,
    /// The read tables, for orders that were closed already.
    pub queries: Arc<dyn TradingQueries>,
    /// The marks.
    pub marks: Arc<dyn RelayStore>,
    /// Where to.
    pub bus: Arc<dyn EventBus>,
    /// How messages are written.
    pub codec: Arc<Codec>,
    /// Is notified when something was committed.
    pub committed: Arc<Notify>,
}

/// Publishes the streams whose shards it has.
pub struct Relay {
    ports: RelayPorts,
    settings: RelaySettings,
    held: Held,
    followers: Followers,
    /// What could not be published yet. An account is not read anew for each attempt.
    unsent: HashMap<AccountId, Batch>,
    /// Streams that could not be published, and when that was found. Each is tried again by itself.
    refused: HashMap<AccountId, Instant>,
    /// When to ask again for what finds unpublished streams without reading all of them; `None` once it is there.
    prepare_at: Option<Instant>,
}

/// Why a look did not come to its end.
#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// What is to be published of one stream, in order.
struct Batch {
    stream: Unpublished,
    fence: Fence,
    records: Vec<BusRecord>,
    /// The account after the last of them.
    follower: Follower,
}

impl Relay {
    /// A relay of the shards that it holds.
    #[must_use]
    pub fn new(ports: RelayPorts, held: Held, settings: RelaySettings) -> Self {
        let (followers, unsent, refused) = (Followers::default(), HashMap::new(), HashMap::new());
        Self { ports, settings, held, followers, unsent, refused, prepare_at: Some(Instant::now()) }
    }

    /// Publishes until the shutdown begins.
    pub async fn run(mut self, shutdown: Shutdown) {
        let leaving = shutdown.begun();
        tokio::pin!(leaving);
        tokio::select! {
            () = &mut leaving => {}
            () = self.publish_for_ever() => {}
        }
    }

    async fn publish_for_ever(&mut self) {
        let mut troubled = false;
        loop {
            let pause = match self.prepare_and_look().await {
                Ok(()) => {
                    if std::mem::take(&mut troubled) {
                        tracing::info!("events are published again");
                    }
                    self.settings.look_every
                }
                Err(error) => {
                    if !std::mem::replace(&mut troubled, true) {
                        tracing::warn!(%error, "events cannot be published now; they wait in the log");
                    }
                    counter!("velox_relay_failures_total").increment(1);
                    self.count_behind().await;
                    self.settings.again
                }
            };
            if troubled {
                tokio::time::sleep(pause).await;
            } else {
                let _ = tokio::time::timeout(pause, self.woken()).await;
                tokio::time::sleep(self.settings.gap).await;
            }
        }
    }

    async fn woken(&mut self) {
        tokio::select! {
            () = self.ports.committed.notified() => {}
            () = self.held.changed() => {}
        }
    }

    async fn prepare_and_look(&mut self) -> Result<(), RelayError> {
        if let Err(error) = self.ports.codec.register(&RELAYED).await {
            return Err(PublishError::Away(error.to_string()).into());
        }
        if self.prepare_at.is_some_and(|at| Instant::now() >= at) {
            let is_prepared = self.ports.marks.prepare_relay().await?;
            self.prepare_at = (!is_prepared).then(|| Instant::now() + PREPARED_AGAIN);
        }
        self.look().await
    }

    /// Publishes every stream of its shards up to where its log ended when it was looked at.
    async fn look(&mut self) -> Result<(), RelayError> {
        let fences = self.held.now();
        if fences.is_empty() {
            self.followers.clear();
            self.unsent.clear();
            return Ok(());
        }
        self.refused.retain(|_, since| since.elapsed() < FORGOTTEN);
        let (mut after, mut behind, mut tried_again) = (None, 0_u64, 0);
        loop {
            let page = self.ports.marks.unpublished(after, self.settings.streams).await?;
            let full = page.len() >= usize::try_from(self.settings.streams).unwrap_or(usize::MAX);
            after = page.last().map(|stream| stream.account);
            let ours = self.ours(&fences, page);
            behind += events(&ours);
            let (suspects, sound) =
                ours.into_iter().partition(|(stream, _)| self.refused.contains_key(&stream.account));
            self.publish(sound).await?;
            for suspect in self.due(suspects) {
                if tried_again < TRIED_AGAIN {
                    tried_again += 1;
                    self.publish(vec![suspect]).await?;
                }
            }
            if !full {
                break;
            }
        }
        // Of streams that are not its own any more.
        self.unsent.clear();
        self.tell_refused();
        tell_behind(behind);
        Ok(())
    }

    /// Those of the streams that could not be published that were left alone long enough.
    fn due(&self, mut suspects: Vec<(Unpublished, Fence)>) -> Vec<(Unpublished, Fence)> {
        suspects.retain(|(stream, _)| self.refused.get(&stream.account).is_none_or(|since| since.elapsed() >= REFUSED));
        suspects
    }

    /// Those streams whose shards it has.
    fn ours(&self, fences: &BTreeMap<u32, Fence>, streams: Vec<Unpublished>) -> Vec<(Unpublished, Fence)> {
        let fence = |stream: &Unpublished| fences.get(&shard_of(stream.account, self.held.count())).copied();
        streams.into_iter().filter_map(|stream| Some((stream, fence(&stream)?))).collect()
    }

    /// Tells how many events wait, when a look did not come so far. Unknown while the store is away.
    async fn count_behind(&self) {
        let fences = self.held.now();
        let (mut after, mut behind) = (None, 0_u64);
        for _ in 0..COUNTED_PAGES {
            let Ok(page) = self.ports.marks.unpublished(after, COUNTED).await else { return };
            let full = page.len() >= usize::try_from(COUNTED).unwrap_or(usize::MAX);
            after = page.last().map(|stream| stream.account);
            behind += events(&self.ours(&fences, page));
            if !full {
                break;
            }
        }
        tell_behind(behind);
    }

    /// Publishes streams together: a page of each at a time, until all are where their logs ended.
    async fn publish(&mut self, streams: Vec<(Unpublished, Fence)>) -> Result<(), RelayError> {
        let mut waiting = streams;
        while !waiting.is_empty() {
            let batches = self.read(&waiting).await?;
            let sent = self.send(batches).await?;
            if sent.is_empty() {
                return Ok(());
            }
            let kept = self.mark(sent).await?;
            waiting.retain_mut(|(stream, _)| {
                let published = kept.get(&stream.account).copied();
                stream.published = published.unwrap_or(stream.head);
                stream.published < stream.head
            });
        }
        Ok(())
    }

    /// The next events of each stream; of one that cannot be read nothing.
    async fn read(&mut self, streams: &[(Unpublished, Fence)]) -> Result<Vec<Batch>, StoreError> {
        let (mut batches, mut work) = (Vec::with_capacity(streams.len()), Vec::new());
        for (stream, fence) in streams {
            let unsent = self.unsent.remove(&stream.account);
            match unsent.filter(|batch| batch.stream.published == stream.published) {
                Some(batch) => batches.push(Batch { fence: *fence, ..batch }),
                None => work.push((*stream, *fence, self.followers.take(stream.account, stream.published))),
            }
        }
        let ports = &self.ports;
        let page = u32::try_from(streams.len()).map_or(PAGE, |streams| (EVENTS / streams.max(1)).clamp(1, PAGE));
        let read = stream::iter(work)
            .map(|(stream, fence, follower)| async move { (stream, read(ports, stream, fence, follower, page).await) });
        let read: Vec<_> = read.buffered(self.settings.at_once).collect().await;
        for (stream, batch) in read {
            match batch {
                Ok(batch) => batches.push(batch),
                // One that is damaged is in no other's way.
                Err(ReadError::Follow(FollowError::Store(error))) if !matches!(error, StoreError::Corrupt(_)) => {
                    return Err(error);
                }
                Err(error) => self.refuse(stream, &error),
            }
        }
        Ok(batches)
    }

    /// Publishes batches together and gives those that are there. When a record is refused, each is published by itself:
    /// one that is refused again is in nobody's way, unless many are: then it is not the record. What is not known to be
    /// there is kept for the next look.
    async fn send(&mut self, mut batches: Vec<Batch>) -> Result<Vec<Batch>, PublishError> {
        let counts: Vec<usize> = batches.iter().map(|batch| batch.records.len()).collect();
        let mut records = Vec::with_capacity(counts.iter().sum());
        batches.iter_mut().for_each(|batch| records.append(&mut batch.records));
        let together = self.ports.bus.publish(&records).await;
        let Err(error) = together else {
            count_records(records.len());
            return Ok(batches);
        };
        let mut records = records.into_iter();
        for (batch, count) in batches.iter_mut().zip(counts) {
            batch.records.extend(records.by_ref().take(count));
        }
        if !error.is_refusal() {
            self.keep_unsent(batches);
            return Err(error);
        }
        if let [alone] = &batches[..] {
            self.refuse(alone.stream, &error);
            return Ok(Vec::new());
        }
        let (mut sent, mut batches) = (Vec::with_capacity(batches.len()), batches.into_iter());
        let mut in_a_row = 0;
        while let Some(batch) = batches.next() {
            let Err(error) = self.ports.bus.publish(&batch.records).await else {
                count_records(batch.records.len());
                in_a_row = 0;
                sent.push(batch);
                continue;
            };
            in_a_row += 1;
            if error.is_refusal() && in_a_row < REFUSED_IN_A_ROW {
                self.refuse(batch.stream, &error);
            } else {
                self.keep_unsent(sent.into_iter().chain([batch]).chain(batches));
                return Err(error);
            }
        }
        Ok(sent)
    }

    fn keep_unsent(&mut self, batches: impl IntoIterator<Item = Batch>) {
        self.unsent.extend(batches.into_iter().map(|batch| (batch.stream.account, batch)));
    }

    /// Notes what is published, shard by shard; says up to where of each account. A shard that was lost notes nothing.
    async fn mark(&mut self, batches: Vec<Batch>) -> Result<HashMap<AccountId, u64>, StoreError> {
        let mut shards: BTreeMap<u32, (Fence, Vec<(AccountId, u64)>)> = BTreeMap::new();
        for batch in &batches {
            let (_, marks) = shards.entry(batch.fence.shard).or_insert_with(|| (batch.fence, Vec::new()));
            marks.push((batch.stream.account, batch.follower.seq()));
        }
        let mut kept = HashMap::new();
        for (fence, marks) in shards.into_values() {
            match self.ports.marks.mark_published(fence, &marks).await? {
                Marked::Noted => kept.extend(marks),
                Marked::Fenced => {
                    tracing::info!(shard = fence.shard, "another process publishes these streams by now");
                    counter!("velox_relay_fenced_total").increment(1);
                }
            }
        }
        for batch in batches {
            if kept.contains_key(&batch.stream.account) {
                self.refused.remove(&batch.stream.account);
                self.followers.keep(batch.stream.account, batch.follower);
            }
        }
        Ok(kept)
    }

    fn tell_refused(&self) {
        gauge!("velox_relay_refused_streams").set(f64::from(u32::try_from(self.refused.len()).unwrap_or(u32::MAX)));
    }

    /// Notes that a stream cannot be published; others go on.
    fn refuse(&mut self, stream: Unpublished, error: &dyn std::error::Error) {
        tracing::error!(account = %stream.account, after = stream.published, %error, "a log cannot be published");
        self.refused.insert(stream.account, Instant::now());
        self.tell_refused();
    }
}

/// How many events of streams wait.
fn events(streams: &[(Unpublished, Fence)]) -> u64 {
    streams.iter().map(|(stream, _)| stream.head - stream.published).sum()
}

fn tell_behind(events: u64) {
    gauge!("velox_relay_behind_events").set(f64::from(u32::try_from(events).unwrap_or(u32::MAX)));
}

fn count_records(count: usize) {
    counter!("velox_relay_records_total").increment(u64::try_from(count).unwrap_or(u64::MAX));
}

/// Why a stream's next events could not be made into records.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Follow(#[from] FollowError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Reads up to `page` events of a stream after its mark and makes the records of it.
async fn read(
    ports: &RelayPorts,
    stream: Unpublished,
    fence: Fence,
    follower: Option<Follower>,
    page: u32,
) -> Result<Batch, ReadError> {
    let log = &*ports.log;
    let account = stream.account;
    let mut follower = match follower {
        Some(follower) => follower,
        None => Follower::at(log, account, stream.published).await?,
    };
    let page = log.events(account, stream.published, page).await.map_err(FollowError::from)?;
    let mut records = Vec::with_capacity(page.len() * 2);
    for event in &page {
        let told = follower.step(event, log, &*ports.queries).await?;
        let Some(told) = told else { continue };
        records.push(record(&ports.codec, &told.order, event)?);
        if let Some(position) = &told.position {
            records.push(record(&ports.codec, position, event)?);
        }
        if let Some(alert) = &told.alert {
            records.push(record(&ports.codec, alert, event)?);
        }
    }
    Ok(Batch { stream, fence, records, follower })
}

fn record<M: Message>(codec: &Codec, message: &M, event: &RecordedEvent) -> Result<BusRecord, EncodeError> {
    let record = codec.record(message, event.trace)?;
    Ok(BusRecord {
        topic: codec.names().topic(record.topic),
        key: record.key,
        value: record.value,
        headers: record.headers,
        at: event.recorded_at,
    })
}
