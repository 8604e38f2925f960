//! [`WatchedBus`]: an [`EventBus`] that measures, and says whether what is published comes through.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use metrics::{Counter, Histogram, counter, histogram};
use parking_lot::Mutex;
use tokio::time::Instant;
use velox_kernel::{BusRecord, EventBus, PublishError};

/// How long a failure says something when nothing is published after it: whoever has records tries again within seconds.
const SAYS: Duration = Duration::from_secs(30);

/// Publishes through another bus.
pub struct WatchedBus {
    bus: Arc<dyn EventBus>,
    trouble: Arc<BusTrouble>,
    seconds: Histogram,
    failures: Counter,
}

/// What keeps a producer's records from their topics. Clones of its owner's handle see the same.
#[derive(Debug)]
pub struct BusTrouble {
    producer: &'static str,
    failing: Mutex<Option<Failing>>,
}

#[derive(Clone, Debug)]
struct Failing {
    since: Instant,
    last: Instant,
    reason: String,
}

impl WatchedBus {
    /// Publishes through `bus`; metrics and words call it `producer`.
    #[must_use]
    pub fn new(bus: Arc<dyn EventBus>, producer: &'static str) -> Self {
        Self {
            bus,
            trouble: Arc::new(BusTrouble { producer, failing: Mutex::default() }),
            seconds: histogram!("velox_kafka_publish_seconds", "producer" => producer),
            failures: counter!("velox_kafka_publish_failures_total", "producer" => producer),
        }
    }

    /// What keeps its records from their topics.
    #[must_use]
    pub fn trouble(&self) -> Arc<BusTrouble> {
        Arc::clone(&self.trouble)
    }
}

impl BusTrouble {
    /// Since when nothing came through, and why, in words that anybody may read; `None` when records came through last, or
    /// nobody has tried for half a minute.
    #[must_use]
    pub fn now(&self) -> Option<String> {
        let Failing { since, last, reason } = self.failing.lock().clone()?;
        let seconds = since.elapsed().as_secs();
        (last.elapsed() < SAYS).then(|| format!("{}: nothing is taken since {seconds} s ({reason})", self.producer))
    }

    fn note(&self, published: &Result<(), PublishError>) {
        let mut failing = self.failing.lock();
        match published {
            Ok(()) => *failing = None,
            Err(error) => {
                let last = Instant::now();
                let since = failing.as_ref().map_or(last, |before| before.since);
                *failing = Some(Failing { since, last, reason: error.to_string() });
            }
        }
    }
}

#[async_trait]
impl EventBus for WatchedBus {
    async fn publish(&self, records: &[BusRecord]) -> Result<(), PublishError> {
        let begun = Instant::now();
        let published = self.bus.publish(records).await;
        self.trouble.note(&published);
        match &published {
            Ok(()) => self.seconds.record(begun.elapsed()),
            Err(_) => self.failures.increment(1),
        }
        published
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use velox_kernel::Timestamp;
    use velox_testkit::topics::MemoryTopics;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn trouble_lasts_until_something_comes_through() {
        let topics = Arc::<MemoryTopics>::default();
        let bus = WatchedBus::new(topics.clone(), "relay");
        let trouble = bus.trouble();
        let (topic, key, at) = ("orders".to_owned(), "one".to_owned(), Timestamp::from_seconds(1_767_614_400));
        let records = [BusRecord { topic, key, value: b"value".as_slice().into(), headers: vec![], at }];
        bus.publish(&records).await.unwrap();
        assert_eq!(trouble.now(), None);
        topics.breaks_after(Some(0));
        for _ in 0..3 {
            bus.publish(&records).await.unwrap_err();
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        let said = trouble.now().unwrap();
        assert_eq!(said, "relay: nothing is taken since 30 s (the bus is away: as told)");
        topics.breaks_after(None);
        bus.publish(&records).await.unwrap();
        assert_eq!(trouble.now(), None);
        // One that has nothing to publish any more is in no trouble.
        topics.breaks_after(Some(0));
        bus.publish(&records).await.unwrap_err();
        assert!(trouble.now().is_some());
        tokio::time::advance(SAYS).await;
        assert_eq!(trouble.now(), None);
    }
}
