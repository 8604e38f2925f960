//! [`FeedGate`]: whether this process has the feed now.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Another process has it, or none yet.
    #[default]
    Standby,
    /// This one has, until then if the right to it runs out.
    Leading { until: Option<Instant> },
}

/// Whether this process has the feed now: the one that tells the others of the market, and keeps it. Clones share one state.
///
/// It closes by itself when nobody confirmed in time that the right is held: a process that was stopped and goes on
/// finds it closed, whatever it believed before.
#[derive(Clone, Debug, Default)]
pub struct FeedGate {
    state: Arc<Mutex<State>>,
    chosen: Arc<watch::Sender<bool>>,
}

impl FeedGate {
    /// Opens it, for good or until the right to the feed would have to be confirmed again.
    pub fn open(&self, until: Option<Instant>) {
        *self.state.lock() = State::Leading { until };
        self.choose();
    }

    /// Closes it.
    pub fn close(&self) {
        *self.state.lock() = State::Standby;
    }

    /// Notes that this process is the one to have the feed, before it may tell: the feed can begin.
    pub fn choose(&self) {
        self.chosen.send_replace(true);
    }

    /// Closes it because another process is known to have the feed.
    pub fn yield_to_another(&self) {
        self.close();
        self.chosen.send_replace(false);
    }

    /// Whether this process was the last one known to have the feed, and no other has taken its place: it goes on with
    /// it, although the right may have run out with a store that is away.
    #[must_use]
    pub fn is_chosen(&self) -> bool {
        *self.chosen.borrow()
    }

    /// Returns once [`FeedGate::is_chosen`] is `chosen`.
    pub async fn chosen(&self, chosen: bool) {
        let mut listener = self.chosen.subscribe();
        // The sender lives in `self`.
        let _ = listener.wait_for(|now| *now == chosen).await;
    }

    /// Whether the market may be told and kept.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match *self.state.lock() {
            State::Standby => false,
            State::Leading { until } => until.is_none_or(|until| Instant::now() < until),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn closes_when_nobody_confirms() {
        let gate = FeedGate::default();
        assert!(!gate.is_open());
        gate.open(Some(Instant::now() + Duration::from_secs(1)));
        assert!(gate.is_open());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!gate.is_open());
        gate.open(None);
        tokio::time::advance(Duration::from_secs(1_000)).await;
        assert!(gate.is_open());
        gate.close();
        assert!(!gate.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_that_ran_out_is_nobody_elses_yet() {
        let gate = FeedGate::default();
        assert!(!gate.is_chosen());
        gate.choose();
        assert!(gate.is_chosen() && !gate.is_open());
        gate.open(Some(Instant::now()));
        gate.close();
        assert!(gate.is_chosen());
        gate.yield_to_another();
        assert!(!gate.is_chosen());
    }
}
