//! What the server counts about trading: orders by state, fills, commits and their sizes.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use velox_trading::RecordedEvent;

/// Counts commits and what they hold.
pub struct Observer {
    commits: Counter,
    events: Histogram,
    conflicts: Counter,
}

impl Observer {
    /// An observer that counts into the installed recorder.
    #[must_use]
    pub fn new() -> Self {
        Self {
            commits: counter!("velox_commits_total"),
            events: histogram!("velox_commit_events"),
            conflicts: counter!("velox_commit_conflicts_total"),
        }
    }

    /// A commit of so many events is on its way.
    pub fn committing(&self, events: usize) {
        self.commits.increment(1);
        self.events.record(f64::from(u32::try_from(events).unwrap_or(u32::MAX)));
    }

    /// Events became durable.
    pub fn committed(&self, events: &[RecordedEvent]) {
        for event in events {
            counter!("velox_events_total", "type" => event.kind.to_string()).increment(1);
        }
    }

    /// A decision met a conflict.
    pub fn conflict(&self) {
        self.conflicts.increment(1);
    }
}

impl Default for Observer {
    fn default() -> Self {
        Self::new()
    }
}

/// Counts one stream client for as long as it lives.
pub struct StreamClient(Gauge);

impl StreamClient {
    /// A client of this transport has come.
    #[must_use]
    pub fn open(transport: &'static str) -> Self {
        let clients = gauge!("velox_stream_clients", "transport" => transport);
        clients.increment(1.0);
        Self(clients)
    }
}

impl Drop for StreamClient {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
