//! What the server counts about trading: events by type, commits and their sizes, queues, stream clients.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use parking_lot::RwLock;
use velox_broker_paper::PaperBroker;
use velox_sql::{Commit, CommitObserver};
use velox_trading::RecordedEvent;

use crate::accounts::Lanes;
use crate::shutdown::Shutdown;

/// Counts what lanes decide.
pub struct Observer {
    batches: Counter,
    events: Histogram,
    conflicts: Counter,
    caught_up: Counter,
    locked: Counter,
    fenced: Counter,
    /// By the events' type; looking a counter up by its label costs more than counting.
    kinds: RwLock<HashMap<String, Counter>>,
}

impl Observer {
    /// An observer that counts into the installed recorder.
    #[must_use]
    pub fn new() -> Self {
        Self {
            batches: counter!("velox_lane_batches_total"),
            events: histogram!("velox_lane_batch_events"),
            conflicts: counter!("velox_lane_conflicts_total"),
            caught_up: counter!("velox_lane_caught_up_total"),
            locked: counter!("velox_lane_locked_total"),
            fenced: counter!("velox_lane_fenced_total"),
            kinds: RwLock::default(),
        }
    }

    /// A batch of so many events goes to the store.
    pub fn committing(&self, events: usize) {
        self.batches.increment(1);
        self.events.record(f64::from(u32::try_from(events).unwrap_or(u32::MAX)));
    }

    /// Events became durable.
    pub fn committed(&self, events: &[RecordedEvent]) {
        for event in events {
            if let Some(counter) = self.kinds.read().get(&*event.kind) {
                counter.increment(1);
                continue;
            }
            let counter = counter!("velox_events_total", "type" => event.kind.to_string());
            counter.increment(1);
            self.kinds.write().insert(event.kind.to_string(), counter);
        }
    }

    /// What was decided under a right was refused, because another process has that by now.
    pub fn fenced(&self) {
        self.fenced.increment(1);
    }

    /// A decision met a conflict.
    pub fn conflict(&self) {
        self.conflicts.increment(1);
    }

    /// So many accounts were read anew before they were decided, because another process had told of them.
    pub fn caught_up(&self, accounts: usize) {
        self.caught_up.increment(u64::try_from(accounts).unwrap_or(u64::MAX));
    }

    /// An account is decided under its stream's lock.
    pub fn locked(&self) {
        self.locked.increment(1);
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

/// Counts the store's commits, each of which several lanes may share.
#[derive(Clone)]
pub struct CommitMetrics {
    commits: Counter,
    appends: Histogram,
    events: Histogram,
    seconds: Histogram,
}

impl Default for CommitMetrics {
    fn default() -> Self {
        Self {
            commits: counter!("velox_commits_total"),
            appends: histogram!("velox_commit_appends"),
            events: histogram!("velox_commit_events"),
            seconds: histogram!("velox_commit_seconds"),
        }
    }
}

impl CommitObserver for CommitMetrics {
    fn committed(&self, commit: Commit) {
        let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        self.commits.increment(1);
        self.appends.record(count(commit.members));
        self.events.record(count(commit.events));
        self.seconds.record(commit.took.as_secs_f64());
    }

    fn written(&self) {
        crate::faults::pass_write();
    }
}

/// How often the queues are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Keeps the gauges of the queues until the shutdown begins.
pub async fn watch_queues(lanes: Arc<Lanes>, paper: Arc<PaperBroker>, shutdown: Shutdown) {
    let commands = gauge!("velox_queue_depth", "queue" => "commands");
    let reports = gauge!("velox_queue_depth", "queue" => "paper_reports");
    let missed = counter!("velox_paper_missed_ticks_total");
    let depth = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let look = || {
        commands.set(depth(lanes.waiting()));
        reports.set(depth(paper.waiting_reports()));
        missed.absolute(paper.missed_ticks());
    };
    shutdown.every(LOOK, look).await;
}
