//! [`GroupKeeper`]: keeps the part of a role's work that a Kafka consumer group gives this process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use metrics::gauge;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use velox_kafka::{GroupNews, GroupWorker, TopicRecord};
use velox_kernel::{Fence, MemberId, Shard, ShardStore, ShardsAway};

use super::held::{Held, Part};
use super::keeper::ShardTimes;
use super::share::{Watch, is_held};
use crate::shutdown::Shutdown;

/// Records that may wait for whoever works them off; the group's own thread waits beyond that.
const WAITING: usize = 1_024;
/// Positions that may wait to be told to the group. A newer one makes an older one superfluous.
const POSITIONS: usize = 256;
/// How long partitions are tried to be taken in the store before the group is left and joined anew.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait before something that failed is tried again.
const AGAIN: Duration = Duration::from_millis(250);
/// How long to wait before the group is joined anew.
const REJOIN: Duration = Duration::from_secs(1);
/// How long the group may be silent before the store shares what nobody has. Whoever is a member hears every two seconds.
const SILENCE: Duration = Duration::from_secs(5);
/// How long nobody may have a partition while the group speaks, before it is not waited for any more.
const ORPHANED: Duration = Duration::from_secs(20);

/// A member of a consumer group.
#[async_trait]
pub trait Group: Send + Sync {
    /// What comes next; `None` when it has ended. Dropping the future before it is ready loses nothing.
    async fn next(&mut self) -> Option<GroupNews>;

    /// Notes for the group that everything up to and with `offset` was worked off.
    fn note(&self, partition: u32, offset: u64);
}

#[async_trait]
impl Group for GroupWorker {
    async fn next(&mut self) -> Option<GroupNews> {
        Self::next(self).await
    }

    fn note(&self, partition: u32, offset: u64) {
        Self::note(self, partition, offset);
    }
}

/// How the group is joined.
pub type JoinGroup = Box<dyn FnMut() -> Result<Box<dyn Group>, String> + Send>;

/// A record, and the right to its partition under which it was read.
#[derive(Debug)]
pub struct GroupRecord {
    /// The right.
    pub fence: Fence,
    /// The record.
    pub record: TopicRecord,
}

/// How a member of a group is doing.
#[derive(Clone, Debug, Default)]
pub struct GroupState(Arc<Mutex<GroupLook>>);

/// See [`GroupState`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupLook {
    /// Whether the group has given it its part, which may be nothing.
    pub is_member: bool,
    /// How many partitions it has that the group did not give it, because the group gave them to nobody.
    pub orphans: usize,
    /// Records of each of its partitions that are not worked off, as it was known a moment ago.
    pub lag: BTreeMap<u32, u64>,
}

impl GroupState {
    /// How it is doing now.
    #[must_use]
    pub fn look(&self) -> GroupLook {
        self.0.lock().clone()
    }
}

/// The part that a group gives this process.
pub struct GroupShare {
    /// The shards: one a partition.
    pub held: Held,
    /// The records of its partitions, from where each was worked off.
    pub records: mpsc::Receiver<GroupRecord>,
    /// Where to say, of a partition, which record is the next to be worked off. The group's tools show it; what counts is
    /// what the store says.
    pub positions: mpsc::Sender<(u32, u64)>,
}

/// Keeps the part of a role's shards that a Kafka consumer group gives this process, one shard a partition.
///
/// Kafka says who should have a partition, and the store says who has it: whoever gets one raises the shard's epoch before
/// any record of it comes, and begins where the store says that it was worked off. What whoever had it before still writes
/// is refused then, whatever the group believes.
///
/// While the group is silent, because Kafka is away, the members share what nobody has by the store: that of members who are
/// gone, too. No records come of it. As soon as the group gives it to somebody, it is theirs.
pub struct GroupKeeper {
    store: Arc<dyn ShardStore>,
    role: &'static str,
    me: MemberId,
    count: u32,
    part: watch::Sender<Arc<Part>>,
    records: mpsc::Sender<GroupRecord>,
    positions: mpsc::Receiver<(u32, u64)>,
    state: GroupState,
    watch: Watch,
    /// What the group gives.
    assigned: BTreeSet<u32>,
    /// When the group last said something that a member hears.
    heard: Instant,
    /// Partitions that nobody has, and since when.
    orphaned: BTreeMap<u32, Instant>,
}

impl GroupKeeper {
    /// A member of a role whose topic has `count` partitions. It has none before [`GroupKeeper::run`]. In `state` it says
    /// how it is doing.
    #[must_use]
    pub fn new(
        store: Arc<dyn ShardStore>,
        role: &'static str,
        me: MemberId,
        count: u32,
        state: GroupState,
    ) -> (Self, GroupShare) {
        let (part, read) = watch::channel(Arc::default());
        let (records, waiting) = mpsc::channel(WAITING);
        let (noted, positions) = mpsc::channel(POSITIONS);
        let held = Held { role, count, part: read, confirmed: Arc::new(Mutex::new(Instant::now())) };
        let share = GroupShare { held, records: waiting, positions: noted };
        let keeper = Self {
            store,
            role,
            me,
            count,
            part,
            records,
            positions,
            state,
            watch: Watch::new(ShardTimes::default()),
            assigned: BTreeSet::new(),
            heard: Instant::now(),
            orphaned: BTreeMap::new(),
        };
        (keeper, share)
    }

    /// Keeps its part until the shutdown begins.
    pub async fn run(mut self, mut join: JoinGroup, shutdown: Shutdown) {
        let leaving = shutdown.begun();
        tokio::pin!(leaving);
        loop {
            let turn = async {
                let reason = match join() {
                    Ok(mut group) => self.serve(&mut *group).await,
                    Err(reason) => reason,
                };
                tracing::warn!(reason, role = self.role, "the group is left, and joined anew in a moment");
            };
            tokio::select! {
                () = &mut leaving => break,
                () = turn => {}
            }
            self.give_up_all(false).await;
            tokio::select! {
                () = &mut leaving => break,
                () = sleep(REJOIN) => {}
            }
        }
        self.give_up_all(true).await;
    }

    /// Serves one membership until it ends; says why it did.
    async fn serve(&mut self, group: &mut dyn Group) -> String {
        self.heard = Instant::now();
        let ShardTimes { beat, .. } = ShardTimes::default();
        let mut look = interval(beat);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let news = tokio::select! {
                news = group.next() => news,
                _ = look.tick() => {
                    match timeout(beat * 2, self.look()).await {
                        Ok(Ok(())) => {}
                        missed => tracing::debug!(?missed, role = self.role, "who has what could not be looked up"),
                    }
                    if !self.is_silent() && self.assigned.iter().any(|shard| !self.has(*shard)) {
                        // What came of them meanwhile was left to others.
                        return "others have partitions that the group gives this process".to_owned();
                    }
                    continue;
                }
                Some((partition, position)) = self.positions.recv() => {
                    if let Some(last) = position.checked_sub(1) {
                        group.note(partition, last);
                    }
                    continue;
                }
            };
            match news {
                None => return "the client has ended".to_owned(),
                Some(GroupNews::Assigned { partitions, place }) => {
                    let Ok(taken) = timeout(PATIENCE, self.take(partitions)).await else {
                        return "partitions could not be taken in the store".to_owned();
                    };
                    let placed = taken.iter().map(|shard| (shard.number, shard.position)).collect();
                    self.heard = Instant::now();
                    self.assigned.extend(taken.iter().map(|shard| shard.number));
                    self.have(&taken);
                    self.state.0.lock().is_member = true;
                    // Whoever waits too long begins where the group left off: the store refuses what it writes late.
                    if place.send(placed).is_err() {
                        return "partitions were taken too late".to_owned();
                    }
                }
                Some(GroupNews::Revoked { partitions, lost, finished }) => {
                    self.assigned.retain(|shard| !partitions.contains(shard));
                    self.lose(&partitions, lost).await;
                    let _ = finished.send(());
                }
                Some(GroupNews::Record(record)) => {
                    let Some(epoch) = self.part.borrow().mine.get(&record.partition).copied() else { continue };
                    let fence = Fence { role: self.role, shard: record.partition, epoch };
                    if self.records.send(GroupRecord { fence, record }).await.is_err() {
                        return "nobody works records off any more".to_owned();
                    }
                }
                Some(GroupNews::Lag(lag)) => {
                    self.heard = Instant::now();
                    self.note_lag(lag);
                }
                Some(GroupNews::Trouble(reason)) => tracing::debug!(reason, role = self.role, "the group has trouble"),
            }
        }
    }

    fn is_silent(&self) -> bool {
        self.heard.elapsed() >= SILENCE
    }

    fn has(&self, shard: u32) -> bool {
        self.part.borrow().mine.contains_key(&shard)
    }

    /// Looks who has what: gives up what others have taken, and takes what nobody has and the group gives to nobody.
    async fn look(&mut self) -> Result<(), ShardsAway> {
        let look = self.store.beat(self.role, self.me, self.count, &[]).await?;
        let now = Instant::now();
        let known = Arc::clone(&self.part.borrow());
        let mine = look.shards.iter().filter(|shard| is_held(shard, self.me, &known.mine));
        let mine: BTreeMap<u32, u64> = mine.map(|shard| (shard.number, shard.epoch)).collect();
        if mine != known.mine {
            self.hold(mine.clone());
        }
        let steps = self.watch.steps(self.me, &look, &mine, self.count, now);
        let free: BTreeSet<u32> = steps.free.iter().map(|shard| shard.number).collect();
        self.orphaned.retain(|shard, _| free.contains(shard));
        free.iter().for_each(|shard| {
            self.orphaned.entry(*shard).or_insert(now);
        });
        if !steps.gone.is_empty() {
            self.store.beat(self.role, self.me, self.count, &steps.gone).await?;
        }
        let patience = if self.is_silent() { Duration::ZERO } else { ORPHANED };
        let is_left = |shard: &Shard| self.orphaned.get(&shard.number).is_some_and(|since| now - *since >= patience);
        let left: Vec<Shard> = steps.take.into_iter().filter(is_left).collect();
        if !left.is_empty() {
            let taken = self.store.take(self.role, self.me, &left).await?;
            tracing::info!(role = self.role, taken = taken.len(), "the group gives these partitions to nobody");
            self.have(&taken);
        }
        Ok(())
    }

    /// Takes partitions in the store, however often that fails.
    async fn take(&self, partitions: Vec<u32>) -> Vec<Shard> {
        let (mut missing, mut all) = (partitions, Vec::new());
        loop {
            match self.try_take(&missing).await {
                Ok(taken) => {
                    missing.retain(|partition| taken.iter().all(|shard| shard.number != *partition));
                    all.extend(taken);
                }
                Err(error) => tracing::debug!(%error, role = self.role, "partitions are taken again"),
            }
            if missing.is_empty() {
                return all;
            }
            sleep(AGAIN).await;
        }
    }

    async fn try_take(&self, partitions: &[u32]) -> Result<Vec<Shard>, ShardsAway> {
        let look = self.store.beat(self.role, self.me, self.count, &[]).await?;
        let seen: Vec<Shard> = look.shards.into_iter().filter(|shard| partitions.contains(&shard.number)).collect();
        self.store.take(self.role, self.me, &seen).await
    }

    fn have(&self, taken: &[Shard]) {
        let mut mine = self.part.borrow().mine.clone();
        mine.extend(taken.iter().map(|shard| (shard.number, shard.epoch)));
        self.hold(mine);
    }

    /// Gives up partitions that go to others.
    async fn lose(&self, partitions: &[u32], lost: bool) {
        let mut mine = self.part.borrow().mine.clone();
        mine.retain(|shard, _| !partitions.contains(shard));
        self.hold(mine);
        if lost {
            self.state.0.lock().is_member = false;
        }
        // Others may have taken what was lost; then there is nothing to give up.
        if !lost && let Err(error) = self.store.release(self.role, self.me, partitions, false).await {
            tracing::debug!(%error, role = self.role, "partitions could not be given up; others take them all the same");
        }
    }

    async fn give_up_all(&mut self, leaves: bool) {
        self.assigned.clear();
        let numbers: Vec<u32> = self.part.borrow().mine.keys().copied().collect();
        self.hold(BTreeMap::new());
        self.state.0.lock().is_member = false;
        let release = self.store.release(self.role, self.me, &numbers, leaves);
        if !matches!(timeout(AGAIN, release).await, Ok(Ok(()))) {
            tracing::debug!(role = self.role, "partitions could not be given up; others take them all the same");
        }
    }

    fn hold(&self, mine: BTreeMap<u32, u64>) {
        let held = mine.len();
        self.part.send_replace(Arc::new(Part { mine, ..Part::default() }));
        gauge!("velox_shards", "role" => self.role).set(f64::from(u32::try_from(held).unwrap_or(u32::MAX)));
        tracing::info!(role = self.role, held, of = self.count, "the group shares the work anew");
        let mut look = self.state.0.lock();
        let part = self.part.borrow();
        look.orphans = part.mine.keys().filter(|shard| !self.assigned.contains(shard)).count();
        look.lag.retain(|partition, _| {
            let is_held = part.mine.contains_key(partition);
            if !is_held {
                lag_gauge(self.role, *partition).set(0.0);
            }
            is_held
        });
    }

    fn note_lag(&self, lag: Vec<(u32, u64)>) {
        let part = self.part.borrow();
        let mut look = self.state.0.lock();
        // It may have no part, where there are more members than partitions.
        look.is_member = true;
        for (partition, behind) in lag {
            if part.mine.contains_key(&partition) {
                lag_gauge(self.role, partition).set(f64::from(u32::try_from(behind).unwrap_or(u32::MAX)));
                look.lag.insert(partition, behind);
            }
        }
    }
}

fn lag_gauge(role: &'static str, partition: u32) -> metrics::Gauge {
    gauge!("velox_group_lag_records", "role" => role, "partition" => partition.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::mpsc as blocking;

    use uuid::Uuid;
    use velox_testkit::peers::MemoryShards;

    use super::*;

    struct Told(Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<GroupNews>>>);

    #[async_trait]
    impl Group for Told {
        async fn next(&mut self) -> Option<GroupNews> {
            self.0.lock().await.recv().await
        }

        fn note(&self, _: u32, _: u64) {}
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_store_does_not_give_is_not_had_and_the_group_is_joined_anew() {
        let store = Arc::<MemoryShards>::default();
        let (state, shutdown) = (GroupState::default(), Shutdown::default());
        let (keeper, share) = GroupKeeper::new(store.clone(), "test", MemberId::new(Uuid::nil()), 2, state.clone());
        let (told, news) = mpsc::unbounded_channel();
        let (news, joins) = (Arc::new(tokio::sync::Mutex::new(news)), Arc::new(Mutex::new(0)));
        let counted = Arc::clone(&joins);
        let join = Box::new(move || {
            let mut joins = counted.lock();
            *joins += 1;
            let group: Box<dyn Group> = Box::new(Told(Arc::clone(&news)));
            if *joins == 1 { Err("not now".to_owned()) } else { Ok(group) }
        });
        let running = tokio::spawn(keeper.run(join, shutdown.clone()));
        let assign = || {
            let (place, placed) = blocking::sync_channel(1);
            told.send(GroupNews::Assigned { partitions: vec![0, 1], place }).unwrap();
            placed
        };
        store.set_away(true);
        let placed = assign();
        sleep(REJOIN * 5 / 2 + PATIENCE).await;
        assert_eq!(placed.try_recv(), Err(blocking::TryRecvError::Disconnected), "nothing may come from them");
        assert!(share.held.now().is_empty() && !state.look().is_member);
        assert_eq!(*joins.lock(), 3);

        store.set_away(false);
        // One more than there are partitions is a member, too.
        told.send(GroupNews::Lag(vec![])).unwrap();
        sleep(AGAIN).await;
        assert!(share.held.now().is_empty() && state.look().is_member);
        let placed = assign();
        sleep(AGAIN).await;
        assert_eq!(placed.try_recv(), Ok(vec![(0, None), (1, None)]));
        let fences = share.held.now();
        assert!(fences.len() == 2 && fences.values().all(|fence| store.holds(*fence)));
        shutdown.begin();
        running.await.unwrap();
        assert!(share.held.now().is_empty());
    }

    /// A member whose group says what it is told to say; and how often it has joined.
    struct TestMember {
        told: mpsc::UnboundedSender<GroupNews>,
        joins: Arc<Mutex<u32>>,
        share: GroupShare,
        state: GroupState,
        _running: tokio::task::JoinHandle<()>,
    }

    impl TestMember {
        fn start(store: &Arc<MemoryShards>, number: u128) -> Self {
            let (state, me) = (GroupState::default(), MemberId::new(Uuid::from_u128(number)));
            let (keeper, share) = GroupKeeper::new(store.clone(), "test", me, 2, state.clone());
            let (told, news) = mpsc::unbounded_channel();
            let (news, joins) = (Arc::new(tokio::sync::Mutex::new(news)), Arc::<Mutex<u32>>::default());
            let counted = Arc::clone(&joins);
            let join = Box::new(move || {
                *counted.lock() += 1;
                let group: Box<dyn Group> = Box::new(Told(Arc::clone(&news)));
                Ok(group)
            });
            let _running = tokio::spawn(keeper.run(join, Shutdown::default()));
            Self { told, joins, share, state, _running }
        }

        async fn is_given(&self, partitions: &[u32]) {
            let (place, placed) = blocking::sync_channel(1);
            self.told.send(GroupNews::Assigned { partitions: partitions.to_vec(), place }).unwrap();
            sleep(AGAIN).await;
            assert_eq!(placed.try_recv().unwrap().len(), partitions.len());
        }

        fn has(&self) -> Vec<u32> {
            self.share.held.now().into_keys().collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_silent_group_gives_to_nobody_is_shared_by_the_store() {
        let store = Arc::<MemoryShards>::default();
        let one = TestMember::start(&store, 1);
        sleep(SILENCE - Duration::from_secs(1)).await;
        assert!(one.has().is_empty(), "it may be given something yet");
        sleep(Duration::from_secs(2)).await;
        assert_eq!((one.has(), one.state.look().orphans), (vec![0, 1], 2));
        // As soon as the group speaks, it is as that says.
        let two = TestMember::start(&store, 2);
        two.is_given(&[1]).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!((one.has(), two.has()), (vec![0], vec![1]));
        one.is_given(&[0]).await;
        assert_eq!((one.has(), one.state.look().orphans, two.state.look().orphans), (vec![0], 0, 0));
        // One is killed, and nobody gives its part to anybody.
        one._running.abort();
        sleep(ShardTimes::default().patience * 2 + SILENCE).await;
        assert_eq!((two.has(), two.state.look().orphans), (vec![0, 1], 1));
        assert_eq!(*two.joins.lock(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_that_speaks_is_waited_for() {
        let store = Arc::<MemoryShards>::default();
        let one = TestMember::start(&store, 1);
        one.is_given(&[0]).await;
        for _ in 0..9 {
            one.told.send(GroupNews::Lag(vec![])).unwrap();
            sleep(Duration::from_secs(2)).await;
        }
        assert_eq!(one.has(), [0]);
        for _ in 0..3 {
            one.told.send(GroupNews::Lag(vec![])).unwrap();
            sleep(Duration::from_secs(2)).await;
        }
        assert_eq!((one.has(), one.state.look().orphans), (vec![0, 1], 1), "it has forgotten one");
        // Others have what the group says is this one's: it asks anew.
        let shards = store.beat("test", MemberId::new(Uuid::from_u128(2)), 2, &[]).await.unwrap().shards;
        store.take("test", MemberId::new(Uuid::from_u128(2)), &shards[..1]).await.unwrap();
        one.told.send(GroupNews::Lag(vec![])).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert!(one.has().is_empty());
        sleep(REJOIN).await;
        assert_eq!(*one.joins.lock(), 2);
    }
}
