//! [`ShardKeeper`]: keeps this process's part of a role's shards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use velox_kernel::{MemberId, ShardStore, ShardsAway};

use super::held::Held;
use super::share::Watch;
use crate::shutdown::Shutdown;

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
        Self { beat: Duration::from_secs(1), patience: Duration::from_secs(5) }
    }
}

/// Keeps this process's part of a role's shards: takes what is free, gives up what others are to have, and says that it
/// is there. What it does not know for certain to have it does not have: a store that is silent for too long takes all of
/// them away.
pub struct ShardKeeper {
    store: Arc<dyn ShardStore>,
    role: &'static str,
    me: MemberId,
    count: u32,
    times: ShardTimes,
    held: watch::Sender<Arc<BTreeMap<u32, u64>>>,
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
        let (held, epochs) = watch::channel(Arc::default());
        (Self { store, role, me, count, times, held }, Held { role, count, epochs })
    }

    /// Keeps its part until the shutdown begins; then everything is given up, so that others take it at once.
    pub async fn run(self, shutdown: Shutdown) {
        let mut watch = Watch::new(self.times.patience);
        let mut beat = interval(self.times.beat);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut confirmed = Instant::now();
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
                Ok(()) => confirmed = asked,
                Err(error) => {
                    tracing::debug!(%error, role = self.role, "shards could not be confirmed");
                    // Another one, whose watch may be a little faster, may take them.
                    if confirmed.elapsed() + self.times.beat * 2 >= self.times.patience
                        && !self.held.borrow().is_empty()
                    {
                        tracing::warn!(%error, role = self.role, "the store is silent: this process gives its shards up");
                        self.hold(BTreeMap::new());
                    }
                }
            }
        }
        let numbers: Vec<u32> = self.held.borrow().keys().copied().collect();
        self.hold(BTreeMap::new());
        let leave = self.store.release(self.role, self.me, &numbers, true);
        if !matches!(tokio::time::timeout(self.times.beat, leave).await, Ok(Ok(()))) {
            tracing::debug!(role = self.role, "shards could not be given up; others take them in a while");
        }
    }

    async fn turn(&self, watch: &mut Watch, now: Instant) -> Result<(), ShardsAway> {
        let look = self.store.beat(self.role, self.me, self.count, &[]).await?;
        let steps = watch.steps(self.me, &look, self.count, now);
        if !steps.gone.is_empty() {
            tracing::info!(role = self.role, gone = steps.gone.len(), "others who shared the work are gone");
            self.store.beat(self.role, self.me, self.count, &steps.gone).await?;
        }
        let mine = look.shards.iter().filter(|shard| shard.owner == Some(self.me) && shard.number < self.count);
        let mut held: BTreeMap<u32, u64> = mine.map(|shard| (shard.number, shard.epoch)).collect();
        if !steps.give.is_empty() {
            held.retain(|number, _| !steps.give.contains(number));
            self.hold(held.clone());
            self.store.release(self.role, self.me, &steps.give, false).await?;
        }
        if !steps.take.is_empty() {
            let taken = self.store.take(self.role, self.me, &steps.take).await?;
            held.extend(taken.iter().map(|shard| (shard.number, shard.epoch)));
        }
        self.hold(held);
        Ok(())
    }

    fn hold(&self, held: BTreeMap<u32, u64>) {
        let changed = self.held.send_if_modified(|now| {
            let differs = **now != held;
            if differs {
                *now = Arc::new(held);
            }
            differs
        });
        if changed {
            let held = self.held.borrow().len();
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
