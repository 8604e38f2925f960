//! Sharing accounts by a consumer group: Kafka says who should, the store says who may.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use velox::dead_letters::DeadLetters;
use velox::risk::{RiskRecords, RiskSettings, RiskShare};
use velox::shards::{Group, GroupKeeper, GroupShare, GroupState, shard_of};
use velox_kafka::{GroupNews, Placed, TopicRecord};
use velox_kernel::{AccountId, Ids, MemberId, Shard, ShardStore};
use velox_messages::{AccountStep, Codec, Format, Formats, SchemaRegistry, Topic, TopicNames};
use velox_testkit::TestClock;
use velox_testkit::messages::MemoryRegistry;
use velox_testkit::topics::MemoryTopics;
use velox_testkit::trading::FreshIds;
use velox_trading::{AccountWriter, HaltMode, Projection, RecordedEvent};

use super::watch::{Desk, Running, SETTINGS, some_looks, until};

const ROLE: &str = "risk";
const PARTITIONS: u32 = 4;

/// A member of a group that is told what the test says.
struct Told {
    news: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<GroupNews>>>,
    noted: Arc<Mutex<Vec<(u32, u64)>>>,
    held_back: Arc<Mutex<BTreeSet<u32>>>,
}

#[async_trait]
impl Group for Told {
    async fn next(&mut self) -> Option<GroupNews> {
        self.news.lock().await.recv().await
    }

    fn note(&self, partition: u32, offset: u64) {
        self.noted.lock().push((partition, offset));
    }

    fn hold_back(&self, partitions: BTreeSet<u32>) {
        *self.held_back.lock() = partitions;
    }
}

/// A process that watches as a member of a group.
struct Member {
    told: mpsc::UnboundedSender<GroupNews>,
    noted: Arc<Mutex<Vec<(u32, u64)>>>,
    /// What the group is to hold back.
    held_back: Arc<Mutex<BTreeSet<u32>>>,
    joins: Arc<Mutex<u32>>,
    state: GroupState,
    letters: Arc<MemoryTopics>,
    running: Running,
    keeping: JoinHandle<()>,
}

fn codec() -> Codec {
    codec_of(Format::Json, None)
}

fn codec_of(format: Format, registry: Option<Arc<MemoryRegistry>>) -> Codec {
    let registry = registry.map(|registry| -> Arc<dyn SchemaRegistry> { registry });
    let names = TopicNames::new("test").unwrap();
    Codec::new(names, Formats::all(format), registry, Arc::new(TestClock::default())).unwrap()
}

impl Member {
    fn join(desk: &Desk, settings: RiskSettings) -> Self {
        Self::join_reading(desk, settings, codec())
    }

    fn join_reading(desk: &Desk, settings: RiskSettings, codec: Codec) -> Self {
        let (told, news) = mpsc::unbounded_channel();
        let (news, noted, joins) =
            (Arc::new(tokio::sync::Mutex::new(news)), Arc::default(), Arc::<Mutex<u32>>::default());
        let (store, state) = (desk.ledger.store.inner.clone(), GroupState::default());
        let me = MemberId::new(FreshIds.next());
        let (keeper, GroupShare { held, records, positions, held_back }) =
            GroupKeeper::new(store, ROLE, me, PARTITIONS, state.clone());
        let letters = Arc::<MemoryTopics>::default();
        let (dead_letters, post) = DeadLetters::new(codec.names().clone(), letters.clone(), desk.ledger.clock.clone());
        let reader = RiskRecords::new(Arc::new(codec), dead_letters);
        let running = desk.watch(RiskShare::Group { held, records, reader, positions, held_back }, settings);
        tokio::spawn(post.run(running.shutdown.clone()));
        let (kept, count) = (Arc::clone(&noted), Arc::clone(&joins));
        let held_back = Arc::<Mutex<BTreeSet<u32>>>::default();
        let unwanted = Arc::clone(&held_back);
        let join = Box::new(move || {
            *count.lock() += 1;
            let (news, noted, held_back) = (Arc::clone(&news), Arc::clone(&kept), Arc::clone(&unwanted));
            let group: Box<dyn Group> = Box::new(Told { news, noted, held_back });
            Ok(group)
        });
        let keeping = tokio::spawn(keeper.run(join, running.shutdown.clone()));
        Self { told, noted, held_back, joins, state, letters, running, keeping }
    }

    /// Gives it partitions, and says where it begins them.
    async fn assign(&self, partitions: &[u32]) -> Placed {
        let (place, placed) = std::sync::mpsc::sync_channel(1);
        self.told.send(GroupNews::Assigned { partitions: partitions.to_vec(), place }).unwrap();
        let mut found = None;
        until("the places", async || {
            found = placed.try_recv().ok();
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    async fn revoke(&self, partitions: &[u32], lost: bool) {
        let (finished, over) = std::sync::mpsc::sync_channel(1);
        self.told.send(GroupNews::Revoked { partitions: partitions.to_vec(), lost, finished }).unwrap();
        until("the end of its work", async || over.try_recv().is_ok()).await;
    }

    fn record(&self, partition: u32, offset: u64, value: Vec<u8>) {
        let record =
            TopicRecord { partition, offset, at: velox_kernel::Timestamp::EPOCH, key: None, value, headers: vec![] };
        self.told.send(GroupNews::Record(record)).unwrap();
    }
}

impl Desk {
    /// What the topic says of an event.
    async fn value(&self, codec: &Codec, record: &RecordedEvent) -> Vec<u8> {
        let account = self.process.lanes.read(record.account).await.unwrap();
        let event = record.event().unwrap();
        let step = AccountStep {
            recorded: record,
            event: &event,
            profile: account.profile().unwrap(),
            changes: &Projection::default(),
        };
        codec.encode(&step.messages().order).unwrap().to_vec()
    }

    /// What the topic says of every event of an account.
    async fn values(&self, account: AccountId) -> Vec<Vec<u8>> {
        self.values_by(&codec(), account).await
    }

    async fn values_by(&self, codec: &Codec, account: AccountId) -> Vec<Vec<u8>> {
        let mut values = Vec::new();
        for record in self.events(account).await {
            values.push(self.value(codec, &record).await);
        }
        values
    }

    async fn shard(&self, number: u32) -> Shard {
        let nobody = MemberId::new(FreshIds.next());
        let look = self.ledger.store.inner.beat(ROLE, nobody, PARTITIONS, &[]).await.unwrap();
        look.shards[usize::try_from(number).unwrap()]
    }
}

fn partition_of(account: AccountId) -> u32 {
    shard_of(account, PARTITIONS)
}

#[tokio::test(start_paused = true)]
async fn an_effect_and_how_far_the_records_are_worked_off_are_one_commit() {
    let desk = Desk::new();
    // Nobody tells of what the other process writes, but the topic.
    let elsewhere = Desk { ledger: desk.ledger.beside(), process: desk.ledger.process() };
    let account = elsewhere.holder(None).await;
    let partition = partition_of(account);
    let member = Member::join(&desk, SETTINGS);
    let mut placed = member.assign(&[0, 1, 2, 3]).await;
    placed.sort_unstable();
    assert_eq!(placed, [(0, None), (1, None), (2, None), (3, None)]);
    some_looks().await;
    desk.price("70");
    elsewhere.limit(account, Some("10")).await;
    some_looks().await;
    assert_eq!(desk.halts(account).await, 0);

    let values = desk.values(account).await;
    let end = 7 + u64::try_from(values.len()).unwrap();
    for (offset, value) in (7..).zip(values) {
        member.record(partition, offset, value);
    }
    desk.until_halted(account).await;
    // Nothing else notes positions here.
    assert_eq!(desk.shard(partition).await.position, Some(end));
    member.record(partition, end, desk.values(account).await.pop().unwrap());
    some_looks().await;
    assert_eq!((desk.halts(account).await, desk.shard(partition).await.position), (1, Some(end)));

    member.running.shutdown.begin();
    member.running.task.await.unwrap();
    member.keeping.await.unwrap();
    let shard = desk.shard(partition).await;
    assert_eq!((shard.position, shard.owner), (Some(end + 1), None), "what is worked off is noted, and given up");
}

#[tokio::test(start_paused = true)]
async fn whoever_slept_while_another_one_took_its_partition_has_no_effect() {
    let desk = Desk::new();
    let elsewhere = Desk { ledger: desk.ledger.beside(), process: desk.ledger.process() };
    let account = elsewhere.holder(None).await;
    let partition = partition_of(account);
    let member = Member::join(&desk, SETTINGS);
    member.assign(&[partition]).await;
    some_looks().await;
    desk.price("70");
    elsewhere.limit(account, Some("10")).await;
    let values = desk.values(account).await;

    // The group takes it for gone; another one has the partition, and has worked some of it off.
    let (store, other) = (&desk.ledger.store.inner, MemberId::new(FreshIds.next()));
    let taken = store.take(ROLE, other, &[desk.shard(partition).await]).await.unwrap();
    let fence = velox_kernel::Fence { role: ROLE, shard: partition, epoch: taken[0].epoch };
    assert_eq!(store.set_position(fence, 20).await, Ok(true));
    for (offset, value) in (10..).zip(values) {
        member.record(partition, offset, value);
    }
    some_looks().await;
    assert_eq!((desk.halts(account).await, desk.shard(partition).await.position), (0, Some(20)));
    member.revoke(&[partition], true).await;
    assert!(!member.state.look().is_member);
    assert_eq!(desk.shard(partition).await.owner, Some(other), "it is not given up by whoever lost it");

    // Once it gets the partition again it goes on where the other one was.
    assert_eq!(member.assign(&[partition]).await, [(partition, Some(20))]);
    desk.until_halted(account).await;
    assert_eq!(desk.halts(account).await, 1);
    assert_eq!(desk.row(account).await.halt, Some(HaltMode::ReduceOnly));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_put_aside_and_the_group_hears_how_far_it_is() {
    let desk = Desk::new();
    let settings = RiskSettings { note_every: Duration::from_millis(100), ..SETTINGS };
    let member = Member::join(&desk, settings);
    member.assign(&[0, 1, 2, 3]).await;
    let account = desk.holder(Some("1000")).await;
    let partition = partition_of(account);
    let values = desk.values(account).await;
    member.record(partition, 0, values[0].clone());
    member.record(partition, 1, b"poison".to_vec());
    member.record(partition, 2, values[1].clone());
    until("the note", async || desk.shard(partition).await.position == Some(3)).await;
    until("the group's", async || member.noted.lock().last() == Some(&(partition, 2))).await;
    let letters = member.letters.of("test.orders.v1.dead-letters");
    assert_eq!(letters.iter().map(|letter| &letter.value[..]).collect::<Vec<_>>(), [b"poison"]);

    member.told.send(GroupNews::Lag(vec![(partition, 5), (partition + 1, 7)])).unwrap();
    until("the lag", async || member.state.look().lag.get(&partition) == Some(&5)).await;
    member.revoke(&[partition], false).await;
    assert_eq!(member.state.look().lag.get(&partition), None);
    assert_eq!(desk.shard(partition).await.owner, None, "what is revoked is given up");
    member.record(partition, 3, values[2].clone());
    some_looks().await;
    assert_eq!(desk.shard(partition).await.position, Some(3), "a record of what went is another one's");
    assert_eq!(*member.joins.lock(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_damaged_is_left_alone_and_in_nobodys_way() {
    let desk = Desk::new();
    let elsewhere = Desk { ledger: desk.ledger.beside(), process: desk.ledger.process() };
    let damaged = elsewhere.holder(Some("10")).await;
    let values = desk.values(damaged).await;
    let (store, partition) = (&desk.ledger.store.inner, partition_of(damaged));
    store.damaged.lock().insert(damaged);
    let member = Member::join(&desk, RiskSettings { note_every: Duration::from_millis(100), ..SETTINGS });
    member.assign(&[0, 1, 2, 3]).await;
    for (offset, value) in (0..).zip(values.clone()) {
        member.record(partition, offset, value);
    }
    let end = u64::try_from(values.len()).unwrap();
    until("the note", async || desk.shard(partition).await.position == Some(end)).await;
    let reads = || store.reads.load(std::sync::atomic::Ordering::Relaxed);
    let before = reads();
    some_looks().await;
    assert_eq!(reads(), before);
    // It is watched as soon as it can be read.
    store.damaged.lock().clear();
    desk.price("70");
    tokio::time::sleep(Duration::from_secs(60)).await;
    desk.until_halted(damaged).await;
    assert_eq!(desk.halts(damaged).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_partition_whose_schema_cannot_be_asked_for_waits_alone() {
    type Trouble = fn(&MemoryRegistry, bool);
    let away: Trouble = |registry, away| registry.set_away(away);
    let silent: Trouble = |registry, silent| registry.hold_answers(silent);
    for (what, trouble) in [("away", away), ("silent", silent)] {
        let desk = Desk::new();
        let elsewhere = Desk { ledger: desk.ledger.beside(), process: desk.ledger.process() };
        let waits = elsewhere.holder(None).await;
        let goes_on = loop {
            let account = elsewhere.holder(None).await;
            if partition_of(account) != partition_of(waits) {
                break account;
            }
        };
        let partition = partition_of(waits);
        let registry = Arc::<MemoryRegistry>::default();
        let writer = codec_of(Format::Avro, Some(registry.clone()));
        writer.register(&Topic::ALL).await.unwrap();
        let settings = RiskSettings { note_every: Duration::from_millis(100), ..SETTINGS };
        let member = Member::join_reading(&desk, settings, codec_of(Format::Avro, Some(registry.clone())));
        member.assign(&[0, 1, 2, 3]).await;
        some_looks().await;
        desk.price("70");
        for account in [waits, goes_on] {
            elsewhere.limit(account, Some("10")).await;
        }

        trouble(&registry, true);
        let unknown = [&[0], &9_999_u32.to_be_bytes()[..], b"of whomever"].concat();
        let mut values = vec![unknown.clone()];
        values.extend(desk.values_by(&writer, waits).await);
        let end = u64::try_from(values.len()).unwrap();
        for (offset, value) in (0..).zip(values) {
            member.record(partition, offset, value);
        }
        for (offset, value) in (0..).zip(desk.values(goes_on).await) {
            member.record(partition_of(goes_on), offset, value);
        }
        desk.until_halted(goes_on).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!((desk.halts(waits).await, desk.shard(partition).await.position), (0, None), "{what}");
        assert_eq!(member.letters.of("test.orders.v1.dead-letters"), [], "{what}");
        let asked = registry.asked().schema;
        if what == "away" {
            assert!(asked > 1, "it is asked again");
            assert_eq!(*member.held_back.lock(), [partition].into());
            assert_eq!(member.state.look().held_back, [partition].into(), "and said");
        }
        assert!(asked < 20, "{what}: asked {asked} times in a minute");

        trouble(&registry, false);
        desk.until_halted(waits).await;
        until("the note", async || desk.shard(partition).await.position == Some(end)).await;
        let letters = member.letters.of("test.orders.v1.dead-letters");
        assert_eq!(letters.iter().map(|letter| &letter.value[..]).collect::<Vec<_>>(), [unknown], "{what}");
        until("the rest", async || member.held_back.lock().is_empty()).await;
        assert_eq!(desk.halts(waits).await + desk.halts(goes_on).await, 2, "{what}");
    }
}
