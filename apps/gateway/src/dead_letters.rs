//! [`DeadLetters`]: where records go that cannot be read, so that nobody stumbles over them twice.

use std::sync::Arc;

use metrics::counter;
use tokio::sync::mpsc;
use velox_kafka::TopicRecord;
use velox_kernel::{BusRecord, Clock, EventBus, PublishError};
use velox_messages::headers::{self, CONTENT_TYPE, EVENT_ID, TRACEPARENT};

use crate::shutdown::Shutdown;

/// Letters that may wait.
const WAITING: usize = 1_024;
/// How long to wait before a letter is sent again that could not be.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(1);
/// The headers of a record that stay with it.
const KEPT: [&str; 3] = [EVENT_ID, CONTENT_TYPE, TRACEPARENT];

/// Takes records that cannot be read.
#[derive(Clone)]
pub struct DeadLetters {
    letters: mpsc::Sender<BusRecord>,
    clock: Arc<dyn Clock>,
}

/// Sends them.
pub struct DeadLetterPost {
    letters: mpsc::Receiver<BusRecord>,
    bus: Arc<dyn EventBus>,
}

impl DeadLetters {
    /// The letters, and who sends them to `bus`.
    #[must_use]
    pub fn new(bus: Arc<dyn EventBus>, clock: Arc<dyn Clock>) -> (Self, DeadLetterPost) {
        let (sender, letters) = mpsc::channel(WAITING);
        (Self { letters: sender, clock }, DeadLetterPost { letters, bus })
    }

    /// Takes a record of `topic` that cannot be read, without waiting. When too many wait it is only said where it
    /// stands: there it stays as long as the topic keeps it.
    pub fn take(&self, topic: &str, dead_letters: String, record: TopicRecord, reason: &str) {
        counter!("velox_dead_letters_total", "topic" => topic.to_owned()).increment(1);
        tracing::warn!(topic, partition = record.partition, offset = record.offset, reason, "a record cannot be read");
        let kept = record.headers.into_iter().filter_map(|(name, value)| {
            let name = KEPT.into_iter().find(|kept| *kept == name)?;
            Some((name, value))
        });
        let (partition, offset) = (i32::try_from(record.partition), i64::try_from(record.offset));
        let place = headers::dead_letter(topic, partition.unwrap_or(-1), offset.unwrap_or(-1), reason);
        let letter = BusRecord {
            topic: dead_letters,
            key: record.key.map(|key| String::from_utf8_lossy(&key).into_owned()).unwrap_or_default(),
            value: record.value.into(),
            headers: kept.chain(place).collect(),
            at: self.clock.now(),
        };
        if self.letters.try_send(letter).is_err() {
            tracing::warn!("too many dead letters wait: this one stays where it is");
        }
    }
}

impl DeadLetterPost {
    /// Sends letters until the shutdown begins.
    pub async fn run(mut self, shutdown: Shutdown) {
        let leaving = shutdown.begun();
        tokio::pin!(leaving);
        let sending = async {
            while let Some(letter) = self.letters.recv().await {
                let letter = [letter];
                loop {
                    match self.bus.publish(&letter).await {
                        Ok(()) => break,
                        Err(error @ PublishError::Refused { .. }) => {
                            tracing::warn!(%error, "a dead letter is not taken: it stays where it is");
                            break;
                        }
                        Err(error @ PublishError::Away(_)) => {
                            tracing::debug!(%error, "a dead letter is sent again");
                            tokio::time::sleep(AGAIN).await;
                        }
                    }
                }
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = &mut leaving => {}
            () = sending => {}
        }
    }
}
