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
}

impl ExecutionGate {
    /// Opens it, for good or until the right to execute would have to be confirmed again.
    pub fn open(&self, until: Option<Instant>) {
        *self.state.lock() = State::Executing { until };
        self.changed.send_replace(());
    }

    /// Closes it.
    pub fn close(&self) {
        *self.state.lock() = State::Standby;
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
