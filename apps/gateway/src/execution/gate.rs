//! [`ExecutionGate`]: whether this process executes orders now.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Another process executes, or none yet.
    #[default]
    Standby,
    /// This one does, until then if the right to it runs out.
    Executing { until: Option<Instant> },
}

/// Whether this process executes orders now. Clones share one state.
///
/// It closes by itself when nobody confirmed in time that the right is held: a process that was stopped and goes on
/// finds it closed, whatever it believed before.
#[derive(Clone, Debug, Default)]
pub struct ExecutionGate {
    state: Arc<Mutex<State>>,
    changed: Arc<watch::Sender<()>>,
    chosen: Arc<watch::Sender<bool>>,
}

impl ExecutionGate {
    /// Opens it, for good or until the right to execute would have to be confirmed again.
    pub fn open(&self, until: Option<Instant>) {
        *self.state.lock() = State::Executing { until };
        self.changed.send_replace(());
        self.choose();
    }

    /// Closes it.
    pub fn close(&self) {
        *self.state.lock() = State::Standby;
    }

    /// Notes that this process is the one to execute, before it may: the feed can begin.
    pub fn choose(&self) {
        self.chosen.send_replace(true);
    }

    /// Closes it because another process is known to execute.
    pub fn yield_to_another(&self) {
        self.close();
        self.chosen.send_replace(false);
    }

    /// Whether this process was the last one known to execute, and no other has taken its place: who has the feed goes
    /// on with it, although the right to execute may have run out with a store that is away.
    #[must_use]
    pub fn is_chosen(&self) -> bool {
        *self.chosen.borrow()
    }

    /// Returns once [`ExecutionGate::is_chosen`] is `chosen`.
    pub async fn chosen(&self, chosen: bool) {
        let mut listener = self.chosen.subscribe();
        // The sender lives in `self`.
        let _ = listener.wait_for(|now| *now == chosen).await;
    }

    /// Whether orders may be executed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match *self.state.lock() {
            State::Standby => false,
            State::Executing { until } => until.is_none_or(|until| Instant::now() < until),
        }
    }

    /// Whether there are books that must not be matched, because it is not certain that they are still ours.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        match *self.state.lock() {
            State::Standby | State::Executing { until: None } => false,
            State::Executing { until: Some(until) } => Instant::now() >= until,
        }
    }

    /// Returns once it is open.
    pub async fn opened(&self) {
        let mut changed = self.changed.subscribe();
        while !self.is_open() {
            // The sender lives in `self`.
            let _ = changed.changed().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn closes_when_nobody_confirms() {
        let gate = ExecutionGate::default();
        assert!(!gate.is_open() && !gate.is_overdue());
        gate.open(Some(Instant::now() + Duration::from_secs(1)));
        assert!(gate.is_open() && !gate.is_overdue());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!gate.is_open() && gate.is_overdue());
        gate.open(None);
        tokio::time::advance(Duration::from_secs(1_000)).await;
        assert!(gate.is_open() && !gate.is_overdue());
        gate.close();
        assert!(!gate.is_open() && !gate.is_overdue());
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_that_ran_out_is_nobody_elses_yet() {
        let gate = ExecutionGate::default();
        assert!(!gate.is_chosen());
        gate.choose();
        assert!(gate.is_chosen() && !gate.is_open());
        gate.open(Some(Instant::now()));
        gate.close();
        assert!(gate.is_chosen());
        gate.yield_to_another();
        assert!(!gate.is_chosen());
    }

    #[tokio::test(start_paused = true)]
    async fn wakes_who_waits_for_it() {
        let gate = ExecutionGate::default();
        let waiting = tokio::spawn({
            let gate = gate.clone();
            async move { gate.opened().await }
        });
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!waiting.is_finished());
        gate.open(None);
        assert!(waiting.await.is_ok());
    }
}
