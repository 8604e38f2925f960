//! [`DeadLetters`]: where records go that cannot be read, so that nobody stumbles over them twice.

use std::sync::{Arc, Weak};
use std::time::Duration;

use actix_web::web::Bytes;
use metrics::counter;
use tokio::sync::mpsc;
use velox_kafka::TopicRecord;
use velox_kernel::{BusRecord, Clock, EventBus, PublishError};
use velox_messages::headers::{self, CONTENT_TYPE, DEAD_LETTER_VALUE, EVENT_ID, TRACEPARENT};

use crate::shutdown::Shutdown;

/// Letters that may wait.
const WAITING: usize = 1_024;
/// How long to wait before a letter is sent again that could not be.
const AGAIN: Duration = Duration::from_secs(1);
/// How long letters are still sent once the process ends.
const FAREWELL: Duration = Duration::from_secs(3);
/// The headers of a record that stay with it.
const KEPT: [&str; 3] = [EVENT_ID, CONTENT_TYPE, TRACEPARENT];

/// Takes records that cannot be read.
#[derive(Clone)]
pub struct DeadLetters {
    letters: mpsc::Sender<Letter>,
    clock: Arc<dyn Clock>,
}

/// Sends them.
pub struct DeadLetterPost {
    letters: mpsc::Receiver<Letter>,
    bus: Arc<dyn EventBus>,
    sending: Option<Letter>,
}

/// A record on its way to the dead letters.
struct Letter {
    record: BusRecord,
    _until_sent: Arc<()>,
}

/// That a letter is on its way.
#[derive(Clone, Debug)]
pub struct Posting(Weak<()>);

impl Posting {
    /// Whether it is not sent yet.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.0.strong_count() > 0
    }
}

/// Too many letters wait; the record is as good as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{WAITING} dead letters wait already")]
pub struct PostFull;

impl DeadLetters {
    /// The letters, and who sends them to `bus`.
    #[must_use]
    pub fn new(bus: Arc<dyn EventBus>, clock: Arc<dyn Clock>) -> (Self, DeadLetterPost) {
        let (sender, letters) = mpsc::channel(WAITING);
        (Self { letters: sender, clock }, DeadLetterPost { letters, bus, sending: None })
    }

    /// Takes a record of `topic` that cannot be read, without waiting. Whoever notes that he is done with it does so once
    /// it is sent.
    ///
    /// # Errors
    /// [`PostFull`].
    pub fn take(&self, topic: &str, letters: String, record: &TopicRecord, reason: &str) -> Result<Posting, PostFull> {
        let place = self.letters.try_reserve().map_err(|_| PostFull)?;
        counter!("velox_dead_letters_total", "topic" => topic.to_owned()).increment(1);
        tracing::warn!(topic, partition = record.partition, offset = record.offset, reason, "a record cannot be read");
        let kept = record.headers.iter().filter_map(|(name, value)| {
            let name = KEPT.into_iter().find(|kept| kept == name)?;
            Some((name, value.clone()))
        });
        let (partition, offset) = (i32::try_from(record.partition), i64::try_from(record.offset));
        let origin = headers::dead_letter(topic, partition.unwrap_or(-1), offset.unwrap_or(-1), reason);
        let letter = BusRecord {
            topic: letters,
            key: record.key.as_ref().map(|key| String::from_utf8_lossy(key).into_owned()).unwrap_or_default(),
            value: record.value.clone().into(),
            headers: kept.chain(origin).collect(),
            at: self.clock.now(),
        };
        let until_sent = Arc::new(());
        let posting = Posting(Arc::downgrade(&until_sent));
        place.send(Letter { record: letter, _until_sent: until_sent });
        Ok(posting)
    }
}

impl DeadLetterPost {
    /// Sends letters until the shutdown begins, and those that wait then for a moment more.
    pub async fn run(mut self, shutdown: Shutdown) {
        tokio::select! {
            () = shutdown.begun() => {}
            () = self.send_all() => shutdown.begun().await,
        }
        self.letters.close();
        if tokio::time::timeout(FAREWELL, self.send_all()).await.is_err() {
            tracing::warn!(count = self.letters.len(), "dead letters are not sent: their records stay where they are");
        }
    }

    /// Sends until nobody can bring another one. Dropping the future loses none.
    async fn send_all(&mut self) {
        loop {
            if self.sending.is_none() {
                self.sending = self.letters.recv().await;
            }
            let Some(Letter { record, .. }) = &mut self.sending else { return };
            match self.bus.publish(std::slice::from_ref(record)).await {
                Ok(()) => self.sending = None,
                // Such as one that is too large with what is said of it.
                Err(error @ PublishError::Refused { .. }) if !record.value.is_empty() => {
                    record.value = Bytes::new();
                    record.headers.push((DEAD_LETTER_VALUE, error.to_string()));
                }
                Err(error @ PublishError::Refused { .. }) => {
                    tracing::warn!(%error, "a dead letter is not taken: its record stays where it is");
                    self.sending = None;
                }
                Err(error @ PublishError::Away(_)) => {
                    tracing::debug!(%error, "a dead letter is sent again");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use velox_testkit::TestClock;
    use velox_testkit::topics::MemoryTopics;

    use super::*;

    fn record(offset: u64) -> TopicRecord {
        let at = TestClock::default().now();
        TopicRecord { partition: 3, offset, at, key: Some(b"key".to_vec()), value: b"what".to_vec(), headers: vec![] }
    }

    #[tokio::test(start_paused = true)]
    async fn a_letter_is_pending_until_it_is_sent_and_the_end_of_the_process_waits_for_it() {
        let (topics, clock) = (Arc::<MemoryTopics>::default(), Arc::new(TestClock::default()));
        topics.breaks_after(Some(0));
        let (letters, post) = DeadLetters::new(topics.clone(), clock);
        let shutdown = Shutdown::default();
        let posting = tokio::spawn(post.run(shutdown.clone()));
        let take = |offset| letters.take("orders", "letters".to_owned(), &record(offset), "no message").unwrap();
        let (first, second) = (take(7), take(8));
        tokio::time::sleep(AGAIN * 3).await;
        assert!(first.is_pending() && second.is_pending());
        shutdown.begin();
        tokio::time::sleep(AGAIN / 2).await;
        topics.breaks_after(None);
        posting.await.unwrap();
        assert!(!first.is_pending() && !second.is_pending());
        assert_eq!(topics.of("letters").len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_too_many_is_given_back_and_whoever_never_answers_does_not_hold_up_the_end() {
        let (topics, clock) = (Arc::<MemoryTopics>::default(), Arc::new(TestClock::default()));
        topics.breaks_after(Some(0));
        let (letters, post) = DeadLetters::new(topics.clone(), clock);
        let take = |offset| letters.take("orders", "letters".to_owned(), &record(offset), "no message");
        for offset in 0..WAITING {
            take(u64::try_from(offset).unwrap()).unwrap();
        }
        assert_eq!(take(0).unwrap_err(), PostFull);
        let shutdown = Shutdown::default();
        shutdown.begin();
        post.run(shutdown).await;
        assert_eq!(topics.of("letters").len(), 0);
    }
}
