//! [`DeadLetters`]: where records go that cannot be read, so that nobody stumbles over them twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::future::join_all;
use metrics::counter;
use tokio::sync::mpsc;
use tokio::time::Instant;
use velox_kafka::TopicRecord;
use velox_kernel::{BusRecord, Clock, EventBus, PublishError};
use velox_messages::headers::{self, CONTENT_TYPE, DEAD_LETTER_VALUE, EVENT_ID, TRACEPARENT};
use velox_messages::{Topic, TopicNames};

use crate::shutdown::Shutdown;

/// Letters of a topic that may wait.
const WAITING: usize = 1_024;
/// How long to wait before a letter is sent again that could not be; of one that is refused longer each time, up to the
/// longest.
const AGAIN: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// How long letters of a topic are refused, for whatever but their size, before they are given up: somebody may make the
/// topic, or open it.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// How long letters are still sent once the process ends.
const FAREWELL: Duration = Duration::from_secs(3);
/// The headers of a record that stay with it.
const KEPT: [&str; 3] = [EVENT_ID, CONTENT_TYPE, TRACEPARENT];

/// Takes records that cannot be read.
#[derive(Clone)]
pub struct DeadLetters {
    boxes: Arc<BTreeMap<Topic, mpsc::Sender<Letter>>>,
    names: TopicNames,
    clock: Arc<dyn Clock>,
}

/// Sends them. Letters of one topic that cannot be sent are in no other's way.
pub struct DeadLetterPost(Vec<LetterBox>);

/// The letters of one topic, in the order in which they came.
struct LetterBox {
    letters: mpsc::Receiver<Letter>,
    bus: Arc<dyn EventBus>,
    sending: Option<Letter>,
    /// Since when every letter is refused, while the bus answers.
    refused_since: Option<Instant>,
    /// What was said last of why nothing is sent.
    said: Option<String>,
}

/// A record on its way to the dead letters.
struct Letter {
    record: BusRecord,
    /// Where it stood.
    partition: u32,
    offset: u64,
    _until_sent: Arc<()>,
}

/// That a letter is on its way.
#[derive(Clone, Debug)]
pub struct Posting(Weak<()>);

impl Posting {
    /// Whether it is neither sent nor given up yet.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.0.strong_count() > 0
    }
}

/// Too many letters of the topic wait; the record is as good as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{WAITING} dead letters of the topic wait already")]
pub struct PostFull;

impl DeadLetters {
    /// The letters, and who sends them to `bus`.
    #[must_use]
    pub fn new(names: TopicNames, bus: Arc<dyn EventBus>, clock: Arc<dyn Clock>) -> (Self, DeadLetterPost) {
        let (mut senders, mut boxes) = (BTreeMap::new(), Vec::new());
        for topic in Topic::ALL {
            let (sender, letters) = mpsc::channel(WAITING);
            senders.insert(topic, sender);
            let bus = Arc::clone(&bus);
            boxes.push(LetterBox { letters, bus, sending: None, refused_since: None, said: None });
        }
        (Self { boxes: Arc::new(senders), names, clock }, DeadLetterPost(boxes))
    }

    /// Takes a record of a topic that cannot be read, without waiting. Whoever notes that he is done with it does so once
    /// it is sent, or given up.
    ///
    /// # Errors
    /// [`PostFull`].
    pub fn take(&self, topic: Topic, record: &TopicRecord, reason: &str) -> Result<Posting, PostFull> {
        let place = self.boxes.get(&topic).and_then(|letters| letters.try_reserve().ok()).ok_or(PostFull)?;
        let (topic, letters) = (self.names.topic(topic), self.names.dead_letters(topic));
        let TopicRecord { partition, offset, .. } = *record;
        counter!("velox_dead_letters_total", "topic" => topic.clone()).increment(1);
        tracing::warn!(topic, partition, offset, reason, "a record cannot be read");
        let kept = record.headers.iter().filter_map(|(name, value)| {
            let name = KEPT.into_iter().find(|kept| kept == name)?;
            Some((name, value.clone()))
        });
        let (number, place_in_it) = (i32::try_from(partition).unwrap_or(-1), i64::try_from(offset).unwrap_or(-1));
        let origin = headers::dead_letter(&topic, number, place_in_it, reason);
        let letter = BusRecord {
            topic: letters,
            key: record.key.as_ref().map(|key| String::from_utf8_lossy(key).into_owned()).unwrap_or_default(),
            value: record.value.clone().into(),
            headers: kept.chain(origin).collect(),
            at: self.clock.now(),
        };
        let until_sent = Arc::new(());
        let posting = Posting(Arc::downgrade(&until_sent));
        place.send(Letter { record: letter, partition, offset, _until_sent: until_sent });
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
        self.0.iter_mut().for_each(|letters| letters.letters.close());
        if tokio::time::timeout(FAREWELL, self.send_all()).await.is_err() {
            let count: usize = self.0.iter().map(LetterBox::len).sum();
            tracing::warn!(count, "dead letters are not sent: their records stay where they are");
        }
    }

    /// Sends until nobody can bring another one. Dropping the future loses none.
    async fn send_all(&mut self) {
        join_all(self.0.iter_mut().map(LetterBox::send_all)).await;
    }
}

impl LetterBox {
    fn len(&self) -> usize {
        self.letters.len() + usize::from(self.sending.is_some())
    }

    /// Sends until nobody can bring another one. Dropping the future loses none.
    async fn send_all(&mut self) {
        let mut pause = AGAIN;
        loop {
            if self.sending.is_none() {
                self.sending = self.letters.recv().await;
            }
            let Some(Letter { record, .. }) = &mut self.sending else { return };
            match self.bus.publish(std::slice::from_ref(record)).await {
                Ok(()) => {
                    self.sending = None;
                    (self.refused_since, pause) = (None, AGAIN);
                    if self.said.take().is_some() {
                        tracing::info!("dead letters are sent again");
                    }
                }
                // It may be so with what is said of it.
                Err(error @ PublishError::TooLarge { .. }) if !record.value.is_empty() => {
                    record.value = Bytes::new();
                    record.headers.push((DEAD_LETTER_VALUE, error.to_string()));
                }
                Err(error @ PublishError::TooLarge { .. }) => self.give_up(&error),
                // Such as a topic that is not made yet.
                Err(error @ PublishError::Refused { .. }) => {
                    let since = *self.refused_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= PATIENCE {
                        self.give_up(&error);
                    } else {
                        self.say(&error);
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(LONGEST);
                    }
                }
                Err(error @ PublishError::Away(_)) => {
                    self.refused_since = None;
                    self.say(&error);
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    fn give_up(&mut self, error: &PublishError) {
        if let Some(Letter { partition, offset, .. }) = self.sending.take() {
            tracing::warn!(partition, offset, %error, "a dead letter is not taken: its record stays where it is");
        }
    }

    /// Says once why nothing is sent, until the reason is another one.
    fn say(&mut self, error: &PublishError) {
        let reason = error.to_string();
        if self.said.as_ref() != Some(&reason) {
            tracing::warn!(reason, "dead letters cannot be sent now; they wait, and it is tried again");
            self.said = Some(reason);
        }
    }
}

#[cfg(test)]
mod tests;
