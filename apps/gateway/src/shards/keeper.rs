//! [`ShardKeeper`]: keeps this process's part of a role's shards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use velox_kernel::{MemberId, Shard, ShardStore, ShardsAway};

use super::held::{Held, Part};
use super::share::{Watch, is_held};
use crate::shutdown::Shutdown;

/// Shards that are taken before they are counted.
const AT_ONCE: usize = 8;

/// When somebody counts as gone.
#[derive(Clone, Copy, Debug)]
pub struct ShardTimes {
    /// How often everybody says that it is there.
    pub beat: Duration,
    /// How long nobody may be silent.
    pub patience: Duration,
}

impl Default for ShardTimes {
    fn default() -> Self {
        Self { beat: Duration::from_millis(500), patience: Duration::from_millis(2_500) }
    }
}

/// Keeps this process's part of a role's shards: takes what is free, gives up what others are to have, and says that it
/// is there. What it does not know for certain to have it does not have: a store that is silent for too long takes all of
/// them away. What it gave up so, or never learned that it took, it takes anew, under another epoch: so whatever of before
/// is still on its way to the store is refused.
pub struct ShardKeeper {
    store: Arc<dyn ShardStore>,
    role: &'static str,
    me: MemberId,
    count: u32,
    times: ShardTimes,
    part: watch::Sender<Arc<Part>>,
    confirmed: Arc<Mutex<Instant>>,
}

impl ShardKeeper {
    /// A member of a role whose work is cut into `count` shards. It has none before [`ShardKeeper::run`].
    #[must_use]
    pub fn new(
        store: Arc<dyn ShardStore>,
        role: &'static str,
        me: MemberId,
        count: u32,
        times: ShardTimes,
    ) -> (Self, Held) {
        let (part, read) = watch::channel(Arc::default());
        let confirmed = Arc::new(Mutex::new(Instant::now()));
        let held = Held { role, count, part: read, confirmed: Arc::clone(&confirmed) };
        (Self { store, role, me, count, times, part, confirmed }, held)
    }

    /// Keeps its part until the shutdown begins; then everything is given up, so that others take it at once.
    pub async fn run(self, shutdown: Shutdown) {
        let mut watch = Watch::new(self.times);
        let mut beat = interval(self.times.beat);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let leaving = shutdown.begun();
        tokio::pin!(leaving);
        loop {
            tokio::select! {
                () = &mut leaving => break,
                _ = beat.tick() => {}
            }
            let asked = Instant::now();
            // A store that is silent is as good as away: others cannot be heard of.
            let turn = tokio::time::timeout(self.times.beat * 2, self.turn(&mut watch, asked)).await;
            match turn.unwrap_or_else(|_| Err(ShardsAway("it does not answer in time".to_owned()))) {
                Ok(()) => *self.confirmed.lock() = asked,
                Err(error) => {
                    tracing::debug!(%error, role = self.role, "shards could not be confirmed");
                    // Another one, whose watch may be a little faster, may take them.
                    let silent = self.confirmed.lock().elapsed();
                    if silent + self.times.beat * 2 >= self.times.patience && !self.part.borrow().mine.is_empty() {
                        tracing::warn!(%error, role = self.role, "the store is silent: this process gives its shards up");
                        self.hold(BTreeMap::new());
                    }
                }
            }
        }
        let numbers: Vec<u32> = self.part.borrow().mine.keys().copied().collect();
        self.hold(BTreeMap::new());
        let leave = self.store.release(self.role, self.me, &numbers, true);
        if !matches!(tokio::time::timeout(self.times.beat, leave).await, Ok(Ok(()))) {
            tracing::debug!(role = self.role, "shards could not be given up; others take them in a while");
        }
    }

    async fn turn(&self, watch: &mut Watch, now: Instant) -> Result<(), ShardsAway> {
        let look = self.store.beat(self.role, self.me, self.count, &[]).await?;
        let known = Arc::clone(&self.part.borrow());
        let steps = watch.steps(self.me, &look, &known.mine, self.count, now);
        if !steps.gone.is_empty() {
            tracing::info!(role = self.role, gone = steps.gone.len(), "others who shared the work are gone");
            self.store.beat(self.role, self.me, self.count, &steps.gone).await?;
        }
        let mine = look.shards.iter().filter(|shard| is_held(shard, self.me, &known.mine) && shard.number < self.count);
        let mut held: BTreeMap<u32, u64> = mine.map(|shard| (shard.number, shard.epoch)).collect();
        let is_anothers = |shard: &&Shard| shard.owner.is_some_and(|owner| owner != self.me);
        let others = look.shards.iter().filter(is_anothers).map(|shard| shard.number).collect();
        self.part.send_if_modified(|part| {
            let differs = part.others != others;
            if differs {
                *part = Arc::new(Part { mine: part.mine.clone(), others });
            }
            differs
        });
        if !steps.give.is_empty() {
            held.retain(|number, _| !steps.give.contains(number));
            self.hold(held.clone());
            self.store.release(self.role, self.me, &steps.give, false).await?;
        }
        if !steps.stray.is_empty() {
            self.store.release(self.role, self.me, &steps.stray, false).await?;
        }
        // What is taken counts at once: a store that is slow may not answer for all of them in time.
        self.hold(held.clone());
        for some in steps.take.chunks(AT_ONCE) {
            let taken = self.store.take(self.role, self.me, some).await?;
            held.extend(taken.iter().map(|shard| (shard.number, shard.epoch)));
            self.hold(held.clone());
        }
        Ok(())
    }

    fn hold(&self, mine: BTreeMap<u32, u64>) {
        let changed = self.part.send_if_modified(|part| {
            let differs = part.mine != mine;
            if differs {
                let others = part.others.iter().filter(|shard| !mine.contains_key(shard)).copied().collect();
                *part = Arc::new(Part { mine, others });
            }
            differs
        });
        if changed {
            let held = self.part.borrow().mine.len();
            gauge!("velox_shards", "role" => self.role).set(f64::from(u32::try_from(held).unwrap_or(u32::MAX)));
            tracing::info!(role = self.role, held, of = self.count, "shares the work anew");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use uuid::Uuid;
    use velox_testkit::peers::MemoryShards;

    use super::*;

    fn member(store: &Arc<MemoryShards>, number: u128) -> (Held, Shutdown, tokio::task::JoinHandle<()>) {
        let me = MemberId::new(Uuid::from_u128(number));
        let (keeper, held) = ShardKeeper::new(store.clone(), "test", me, 12, ShardTimes::default());
        let shutdown = Shutdown::default();
        (held, shutdown.clone(), tokio::spawn(keeper.run(shutdown)))
    }

    /// How many shards each has, and that none has one that another has.
    fn parts(all: &[&Held]) -> Vec<usize> {
        let mut numbers: Vec<u32> = all.iter().flat_map(|held| held.now().into_keys()).collect();
        let count = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), count, "two have the same");
        all.iter().map(|held| held.now().len()).collect()
    }

    async fn until(all: &[&Held], wanted: &[usize]) {
        let reached = async {
            while parts(all) != wanted {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(60), reached).await;
        assert!(in_time.is_ok(), "{:?} is not {wanted:?}", parts(all));
    }

    #[tokio::test(start_paused = true)]
    async fn members_share_evenly_as_they_come_and_go() {
        let store = Arc::<MemoryShards>::default();
        let (one, _one_goes_on, first) = member(&store, 1);
        until(&[&one], &[12]).await;
        let (two, two_ends, second) = member(&store, 2);
        until(&[&one, &two], &[6, 6]).await;
        let (three, _three_goes_on, third) = member(&store, 3);
        until(&[&one, &two, &three], &[4, 4, 4]).await;
        // One leaves in order, another is killed.
        two_ends.begin();
        second.await.unwrap();
        until(&[&one, &three], &[6, 6]).await;
        third.abort();
        assert!(third.await.unwrap_err().is_cancelled());
        let before = Instant::now();
        until(&[&one], &[12]).await;
        assert!(before.elapsed() >= ShardTimes::default().patience - ShardTimes::default().beat, "it was waited for");
        first.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn what_somebody_gave_up_while_others_came_is_shared() {
        let store = Arc::<MemoryShards>::default();
        let (one, ..) = member(&store, 1);
        until(&[&one], &[12]).await;
        store.set_away(true);
        until(&[&one], &[0]).await;
        let (two, ..) = member(&store, 2);
        store.set_away(false);
        until(&[&one, &two], &[6, 6]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_hears_nothing_of_the_store_has_nothing() {
        let store = Arc::<MemoryShards>::default();
        let (one, shutdown, _running) = member(&store, 1);
        until(&[&one], &[12]).await;
        store.set_away(true);
        until(&[&one], &[0]).await;
        store.set_away(false);
        until(&[&one], &[12]).await;
        let before = one.now();
        shutdown.begin();
        until(&[&one], &[0]).await;
        // Its fences are worth nothing once another one has taken them.
        let (two, ..) = member(&store, 2);
        until(&[&two], &[12]).await;
        assert!(before.values().all(|fence| !store.holds(*fence)));
        assert!(two.now().values().all(|fence| store.holds(*fence)));
    }
}
