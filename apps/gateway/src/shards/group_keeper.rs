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

    /// Brings no more records of these partitions, beside those that are on the way, until they are not among them any more.
    fn hold_back(&self, partitions: BTreeSet<u32>);
}

#[async_trait]
impl Group for GroupWorker {
    async fn next(&mut self) -> Option<GroupNews> {
        Self::next(self).await
    }

    fn note(&self, partition: u32, offset: u64) {
        Self::note(self, partition, offset);
    }

    fn hold_back(&self, partitions: BTreeSet<u32>) {
        Self::hold_back(self, partitions);
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
    /// Partitions whose records wait for something else than their turn: whoever works them off wants no more of them for now.
    pub held_back: BTreeSet<u32>,
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
    /// Where to say, by the rights to them, of which partitions no more records are wanted for now: the others' go on.
    pub held_back: watch::Sender<Vec<Fence>>,
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
    held_back: watch::Receiver<Vec<Fence>>,
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
        let (unwanted, held_back) = watch::channel(Vec::new());
        let held = Held { role, count, part: read, confirmed: Arc::new(Mutex::new(Instant::now())) };
        let share = GroupShare { held, records: waiting, positions: noted, held_back: unwanted };
        let keeper = Self {
            store,
            role,
            me,
            count,
            part,
            records,
            positions,
            held_back,
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
        // Waits for whoever works records off, which keeps nobody from saying that this process is there.
        let (records, mut waiting) = (self.records.clone(), None);
        loop {
            let news = tokio::select! {
                news = group.next(), if waiting.is_none() => news,
                room = records.reserve(), if waiting.is_some() => {
                    let Ok(room) = room else { return "nobody works records off any more".to_owned() };
                    if let Some(record) = waiting.take() {
                        room.send(record);
                    }
                    // It was not asked meanwhile.
                    self.heard = Instant::now();
                    continue;
                }
                _ = look.tick() => {
                    let is_silent = waiting.is_none() && self.heard.elapsed() >= SILENCE;
                    match timeout(beat * 2, self.look(is_silent)).await {
                        Ok(Ok(())) => {}
                        missed => tracing::debug!(?missed, role = self.role, "who has what could not be looked up"),
                    }
                    if !is_silent && self.assigned.iter().any(|shard| !self.has(*shard)) {
                        // What came of them meanwhile was left to others.
                        return "others have partitions that the group gives this process".to_owned();
                    }
                    continue;
                }
                Ok(()) = self.held_back.changed() => {
                    self.hold_back(group);
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
                    self.hold_back(group);
                    self.state.0.lock().is_member = true;
                    // Whoever waits too long begins where the group left off: the store refuses what it writes late.
                    if place.send(placed).is_err() {
                        return "partitions were taken too late".to_owned();
                    }
                }
                Some(GroupNews::Revoked { partitions, lost, finished }) => {
                    self.assigned.retain(|shard| !partitions.contains(shard));
                    self.lose(&partitions, lost).await;
                    self.hold_back(group);
                    let _ = finished.send(());
                }
                Some(GroupNews::Record(record)) => {
                    let Some(epoch) = self.part.borrow().mine.get(&record.partition).copied() else { continue };
                    let fence = Fence { role: self.role, shard: record.partition, epoch };
                    waiting = Some(GroupRecord { fence, record });
                }
                Some(GroupNews::Lag(lag)) => {
                    self.heard = Instant::now();
                    self.note_lag(lag);
                }
                Some(GroupNews::Trouble(reason)) => tracing::debug!(reason, role = self.role, "the group has trouble"),
            }
        }
    }

    /// Tells the group of which of its partitions no more records are wanted for now.
    fn hold_back(&mut self, group: &dyn Group) {
        let part = Arc::clone(&self.part.borrow());
        let is_ours = |fence: &&Fence| part.mine.get(&fence.shard) == Some(&fence.epoch);
        let held_back: BTreeSet<u32> =
            self.held_back.borrow_and_update().iter().filter(is_ours).map(|fence| fence.shard).collect();
        self.state.0.lock().held_back.clone_from(&held_back);
        group.hold_back(held_back);
    }

    fn has(&self, shard: u32) -> bool {
        self.part.borrow().mine.contains_key(&shard)
    }

    /// Looks who has what: gives up what others have taken, and takes what nobody has and the group gives to nobody.
    async fn look(&mut self, is_silent: bool) -> Result<(), ShardsAway> {
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
        if !steps.stray.is_empty() {
            self.store.release(self.role, self.me, &steps.stray, false).await?;
        }
        let patience = if is_silent { Duration::ZERO } else { ORPHANED };
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
        look.held_back.retain(|partition| part.mine.contains_key(partition));
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
mod tests;
