//! [`GroupWorker`]: a member of a consumer group, which shares a topic's partitions with the others.
//!
//! Kafka says who should have a partition; the store says who has it. So a worker is asked where each partition that it
//! gets starts, which is when it takes the shard, and is waited for when one goes, while it finishes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as blocking;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use tokio::sync::mpsc;

use velox_kernel::Timestamp;

use crate::KafkaOptions;
use crate::client::client;
use crate::record::TopicRecord;

/// What may wait for a worker.
const WAITING: usize = 1_024;
/// How long the client library waits for a record before it looks whether it is to end.
const POLL: Duration = Duration::from_millis(100);
/// How long a worker may take to say where partitions start, or to finish with those that go.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often the client library says how far it is.
const LOOK: Duration = Duration::from_secs(2);
/// How often the topic's partitions are asked for: a member that joined without knowing all of them shares them anew after
/// so long, not after the client library's five minutes.
const REFRESH: Duration = Duration::from_secs(10);
/// How long a worker may be silent before the group gives its partitions to others.
const SESSION: Duration = Duration::from_secs(6);

/// Where partitions start: the offset of the next record; `None` for where the group left off, or the beginning.
pub type Placed = Vec<(u32, Option<u64>)>;

/// What a worker is told.
#[derive(Debug)]
pub enum GroupNews {
    /// It gets partitions. None of their records comes before it has said where they start.
    Assigned {
        /// Which.
        partitions: Vec<u32>,
        /// Where to say it; a worker that says nothing for a while gets them where the group left off.
        place: blocking::SyncSender<Placed>,
    },
    /// It loses partitions; they go to others once it has finished, or after a while.
    Revoked {
        /// Which.
        partitions: Vec<u32>,
        /// Whether others may have them already: the group has not heard of this worker for too long.
        lost: bool,
        /// Where to say that it has finished.
        finished: blocking::SyncSender<()>,
    },
    /// A record.
    Record(TopicRecord),
    /// It is a member, and so many records of each of its partitions wait behind what was noted, where that is known: said
    /// every two seconds.
    Lag(Vec<(u32, u64)>),
    /// The cluster does not answer, or refuses; it is tried again.
    Trouble(String),
}

/// A name that one worker has in a group, by which it finds its partitions again after a restart (KIP-345). Clones share
/// whether another one has taken it.
#[derive(Clone, Debug)]
pub struct InstanceName {
    name: String,
    taken: Arc<AtomicBool>,
}

impl InstanceName {
    /// This name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), taken: Arc::default() }
    }

    /// Whether another worker has joined under it: two would take it from each other for ever.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.taken.load(Ordering::Acquire)
    }

    fn free(&self) -> Option<&str> {
        (!self.is_taken()).then_some(&self.name)
    }
}

/// A member of a group. It leaves when it is dropped.
pub struct GroupWorker {
    news: mpsc::Receiver<GroupNews>,
    consumer: Weak<BaseConsumer<Context>>,
    topic: String,
    ending: Arc<AtomicBool>,
    held_back: Arc<Mutex<HeldBack>>,
}

/// Partitions whose records are not fetched for now.
#[derive(Default)]
struct HeldBack {
    /// What the worker wants.
    wanted: BTreeSet<u32>,
    /// What the client library does.
    now: BTreeSet<u32>,
}

/// What the client library calls back.
struct Context {
    topic: String,
    news: mpsc::Sender<GroupNews>,
    ending: Arc<AtomicBool>,
    held_back: Arc<Mutex<HeldBack>>,
}

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        // Whoever is slow learns of it later, or not.
        let _ = self.news.try_send(GroupNews::Trouble(format!("{error}: {reason}")));
    }

    fn stats(&self, statistics: Statistics) {
        // Said by members alone, of which one may have no partition.
        if statistics.cgrp.is_none_or(|group| group.join_state != "steady") {
            return;
        }
        let topic = statistics.topics.get(&self.topic);
        // Partitions of others say nothing, and -1 is what is not known.
        let partitions = topic.into_iter().flat_map(|topic| topic.partitions.values());
        let known = partitions.filter(|partition| partition.fetch_state == "active");
        let lag = known.filter_map(|partition| {
            let noted = partition.stored_offset.max(partition.committed_offset);
            let behind = u64::try_from(partition.hi_offset).ok()?.checked_sub(u64::try_from(noted).ok()?)?;
            Some((u32::try_from(partition.partition).ok()?, behind))
        });
        // Whoever is slow hears of the next ones.
        let _ = self.news.try_send(GroupNews::Lag(lag.collect()));
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, error: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions: Vec<u32> =
            list.elements().iter().filter_map(|element| u32::try_from(element.partition()).ok()).collect();
        let done = if error == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let placed: Vec<(i32, i64)> = self.place(partitions).into_iter().filter_map(known).collect();
            for &(partition, offset) in &placed {
                if let Some(mut element) = list.elements().into_iter().find(|found| found.partition() == partition)
                    && let Err(error) = element.set_offset(Offset::Offset(offset))
                {
                    tracing::warn!(%error, partition, "a partition does not start where it should");
                }
            }
            let done = consumer.incremental_assign(list);
            // What was worked off before it begins is not behind, also where no record follows.
            for (partition, offset) in placed.into_iter().filter(|(_, offset)| *offset > 0) {
                if let Err(error) = consumer.store_offset(&self.topic, partition, offset - 1) {
                    tracing::debug!(%error, partition, "a position was not noted for the group");
                }
            }
            done
        } else {
            self.fetch_on(consumer, &partitions);
            self.finish(partitions, consumer.assignment_lost());
            consumer.incremental_unassign(list)
        };
        if let Err(error) = done {
            tracing::warn!(%error, "partitions could not be shared anew");
        }
    }
}

/// Where a partition begins, if that was said.
fn known((partition, offset): (u32, Option<u64>)) -> Option<(i32, i64)> {
    Some((i32::try_from(partition).ok()?, i64::try_from(offset?).ok()?))
}

impl Context {
    /// Does what the worker wants held back, and fetches the rest.
    fn hold_back(&self, consumer: &BaseConsumer<Self>) {
        let mut held_back = self.held_back.lock();
        let HeldBack { wanted, now } = &*held_back;
        if wanted == now {
            return;
        }
        let done = consumer
            .pause(&self.list(wanted.difference(now)))
            .and_then(|()| consumer.resume(&self.list(now.difference(wanted))));
        if let Err(error) = done {
            tracing::debug!(%error, "partitions could not be held back, or fetched on");
        }
        held_back.now = held_back.wanted.clone();
    }

    /// Fetches partitions on that go: the client library would hold them back when they come again.
    fn fetch_on(&self, consumer: &BaseConsumer<Self>, partitions: &[u32]) {
        let mut held_back = self.held_back.lock();
        let gone: BTreeSet<u32> = held_back.now.extract_if(.., |held| partitions.contains(held)).collect();
        held_back.wanted.retain(|held| !partitions.contains(held));
        if let Err(error) = consumer.resume(&self.list(gone.iter())) {
            tracing::debug!(%error, "partitions that go could not be fetched on");
        }
    }

    fn list<'a>(&self, partitions: impl Iterator<Item = &'a u32>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for partition in partitions.filter_map(|partition| i32::try_from(*partition).ok()) {
            list.add_partition(&self.topic, partition);
        }
        list
    }

    fn place(&self, partitions: Vec<u32>) -> Placed {
        let (place, placed) = blocking::sync_channel(1);
        if partitions.is_empty() || self.news.blocking_send(GroupNews::Assigned { partitions, place }).is_err() {
            return Placed::new();
        }
        placed.recv_timeout(PATIENCE).unwrap_or_default()
    }

    fn finish(&self, partitions: Vec<u32>, lost: bool) {
        let (finished, over) = blocking::sync_channel(1);
        let ending = self.ending.load(Ordering::Acquire);
        if partitions.is_empty()
            || ending
            || self.news.blocking_send(GroupNews::Revoked { partitions, lost, finished }).is_err()
        {
            return;
        }
        let _ = over.recv_timeout(PATIENCE);
    }
}

/// Joins the group `group` of those who read `topic`, under the name `instance` if there is one that nobody has taken.
///
/// # Errors
/// What is wrong with the options, in the client library's words. A cluster that does not answer is no error.
pub fn join_group(
    options: &KafkaOptions,
    group: &str,
    topic: &str,
    instance: Option<&InstanceName>,
) -> Result<GroupWorker, String> {
    let (sender, news) = mpsc::channel(WAITING);
    let ending = Arc::new(AtomicBool::new(false));
    let mut config = client(options);
    config
        .set("group.id", group)
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", SESSION.as_millis().to_string())
        .set("heartbeat.interval.ms", "1000")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.offset.store", "false")
        .set("enable.auto.commit", "true")
        .set("auto.commit.interval.ms", "1000")
        .set("statistics.interval.ms", LOOK.as_millis().to_string())
        .set("topic.metadata.refresh.interval.ms", REFRESH.as_millis().to_string())
        .set("isolation.level", "read_committed");
    if let Some(name) = instance.and_then(InstanceName::free) {
        config.set("group.instance.id", name);
    }
    let held_back = Arc::<Mutex<HeldBack>>::default();
    let context = Context {
        topic: topic.to_owned(),
        news: sender.clone(),
        ending: Arc::clone(&ending),
        held_back: Arc::clone(&held_back),
    };
    let consumer = BaseConsumer::from_config_and_context(&config, context).map_err(|error| error.to_string())?;
    consumer.subscribe(&[topic]).map_err(|error| error.to_string())?;
    let consumer = Arc::new(consumer);
    let (weak, over, instance) = (Arc::downgrade(&consumer), Arc::clone(&ending), instance.cloned());
    let serve = move || {
        if work(&consumer, &sender, &over) == Some(RDKafkaErrorCode::FencedInstanceId)
            && let Some(InstanceName { name, taken }) = instance
        {
            tracing::warn!(name, "another member of the group has this name: this one goes on without");
            taken.store(true, Ordering::Release);
        }
    };
    std::thread::Builder::new().name("kafka group".to_owned()).spawn(serve).map_err(|error| error.to_string())?;
    Ok(GroupWorker { news, consumer: weak, topic: topic.to_owned(), ending, held_back })
}

/// Serves the consumer until the worker is gone, or the client can do nothing any more: then it says why.
fn work(
    consumer: &BaseConsumer<Context>,
    news: &mpsc::Sender<GroupNews>,
    ending: &AtomicBool,
) -> Option<RDKafkaErrorCode> {
    while !ending.load(Ordering::Acquire) {
        consumer.context().hold_back(consumer);
        let told = match consumer.poll(POLL) {
            None => continue,
            Some(Ok(message)) => GroupNews::Record(record(&message)),
            // Said again and again while it lasts.
            Some(Err(error)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF) => continue,
            // The client never joins again: another one has to.
            Some(Err(KafkaError::MessageConsumptionFatal(code))) => {
                tracing::warn!(%code, "the membership in a group has ended");
                return Some(code);
            }
            Some(Err(error)) => GroupNews::Trouble(error.to_string()),
        };
        if news.blocking_send(told).is_err() {
            return None;
        }
    }
    None
}

fn record(message: &BorrowedMessage<'_>) -> TopicRecord {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter()).filter_map(|header| {
        let text = std::str::from_utf8(header.value?).ok()?;
        Some((header.key.to_owned(), text.to_owned()))
    });
    TopicRecord {
        partition: u32::try_from(message.partition()).unwrap_or_default(),
        offset: u64::try_from(message.offset()).unwrap_or_default(),
        at: Timestamp::from_micros(message.timestamp().to_millis().unwrap_or_default().saturating_mul(1_000)),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec).unwrap_or_default(),
        headers: headers.collect(),
    }
}

impl GroupWorker {
    /// What comes next; `None` when it has ended. Dropping the future before it is ready loses nothing.
    pub async fn next(&mut self) -> Option<GroupNews> {
        self.news.recv().await
    }

    /// Notes that everything up to and with `offset` was worked off. It is told to the group within a second or two, for
    /// those who look at it: what counts is the store's own note.
    pub fn note(&self, partition: u32, offset: u64) {
        let (Ok(partition), Ok(offset)) = (i32::try_from(partition), i64::try_from(offset)) else { return };
        if let Some(consumer) = self.consumer.upgrade()
            && let Err(error) = consumer.store_offset(&self.topic, partition, offset)
        {
            tracing::debug!(%error, partition, "a position was not noted for the group");
        }
    }

    /// Brings no more records of these partitions until they are not among them any more; then it goes on with the next one.
    /// Up to some thousand that were on the way still come. Partitions that go are fetched when they come again.
    pub fn hold_back(&self, partitions: BTreeSet<u32>) {
        self.held_back.lock().wanted = partitions;
    }
}

impl Drop for GroupWorker {
    fn drop(&mut self) {
        // The thread leaves the group, which takes a while, and ends.
        self.ending.store(true, Ordering::Release);
    }
}
