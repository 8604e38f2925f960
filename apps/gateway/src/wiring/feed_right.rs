//! Which process has the feed of a part of the market: the one that has the part's shard of the market-data role.

use std::time::Duration;

use metrics::gauge;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::feed_gate::FeedGate;
use crate::shards::{Held, ShardTimes};
use crate::shutdown::Shutdown;

/// How long to wait after the right was taken: what the process before this one had sent to the store has ended there by
/// then, one way or the other, and the feed is begun where that left it.
const SETTLE: Duration = Duration::from_millis(300);

/// Opens the gate while this process has the right to the feed of a part of the market, until the shutdown begins.
///
/// It is open for no longer than others are sure to wait, so that a process that stood still finds it closed. One that
/// cannot ask whether it has the right keeps the feed, and tells nobody, until another one is known to have it.
pub(super) async fn keep_feed(part: u32, held: Held, times: ShardTimes, gate: FeedGate, shutdown: Shutdown) {
    let leaving = shutdown.begun();
    tokio::pin!(leaving);
    tokio::select! {
        () = &mut leaving => {}
        () = follow(part, held, times, &gate) => {}
    }
}

async fn follow(part: u32, mut held: Held, times: ShardTimes, gate: &FeedGate) {
    let good_for = times.patience.saturating_sub(times.beat * 2);
    let mut look = interval(times.beat);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut has_it, mut follows) = (false, false);
    let has = gauge!("velox_market_feed", "part" => part.to_string());
    loop {
        if held.now().contains_key(&part) {
            if !std::mem::replace(&mut has_it, true) {
                gate.choose();
                sleep(SETTLE).await;
                has.set(1.0);
                tracing::info!(part, "this process has the feed");
            }
            gate.open(Some(held.confirmed() + good_for));
            follows = false;
        } else {
            gate.close();
            if std::mem::take(&mut has_it) {
                has.set(0.0);
                tracing::warn!(part, "the right to the feed was lost: this process tells nothing more of it");
            }
            if held.is_anothers(part) {
                gate.yield_to_another();
                if !std::mem::replace(&mut follows, true) {
                    tracing::info!(part, "another process has the feed; this one follows");
                }
            }
        }
        tokio::select! {
            () = held.changed() => {}
            _ = look.tick() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;
    use velox_kernel::MemberId;
    use velox_testkit::peers::MemoryShards;

    use super::*;
    use crate::shards::ShardKeeper;

    /// A process with the role, its gate, and what ends it in order.
    fn process(store: &Arc<MemoryShards>, number: u128) -> (FeedGate, Shutdown, [tokio::task::AbortHandle; 2]) {
        let (times, me) = (ShardTimes::default(), MemberId::new(Uuid::from_u128(number)));
        let (keeper, held) = ShardKeeper::new(store.clone(), "market-data", me, 1, times);
        let (gate, shutdown) = (FeedGate::default(), Shutdown::default());
        let keeping = tokio::spawn(keeper.run(shutdown.clone())).abort_handle();
        let following = tokio::spawn(keep_feed(0, held, times, gate.clone(), shutdown.clone())).abort_handle();
        (gate, shutdown, [keeping, following])
    }

    async fn pass(time: Duration) {
        for _ in 0..time.as_millis() / 50 {
            sleep(Duration::from_millis(50)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_has_it_and_the_other_one_when_that_is_gone() {
        let store = Arc::<MemoryShards>::default();
        let (one, _goes_on, killed) = process(&store, 1);
        pass(Duration::from_secs(2)).await;
        assert!(one.is_open() && one.is_chosen());
        let (two, ends, _) = process(&store, 2);
        pass(Duration::from_secs(10)).await;
        assert!(one.is_open() && !two.is_open() && !two.is_chosen());
        // It closes by itself before another one opens its own.
        killed.iter().for_each(tokio::task::AbortHandle::abort);
        let mut gap = false;
        while !two.is_open() {
            assert!(!(one.is_open() && two.is_chosen()), "two have the feed");
            gap |= !one.is_open();
            pass(Duration::from_millis(50)).await;
        }
        assert!(gap, "the first one's was closed before");
        // One that ends in order is followed at once.
        let (three, ..) = process(&store, 3);
        pass(Duration::from_secs(2)).await;
        ends.begin();
        pass(ShardTimes::default().beat * 2 + SETTLE).await;
        assert!(three.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_store_it_keeps_the_feed_and_tells_nobody() {
        let store = Arc::<MemoryShards>::default();
        let (gate, ..) = process(&store, 1);
        pass(Duration::from_secs(2)).await;
        store.set_away(true);
        pass(Duration::from_secs(10)).await;
        assert!(gate.is_chosen() && !gate.is_open());
        store.set_away(false);
        pass(Duration::from_secs(2)).await;
        assert!(gate.is_open());
    }
}
