//! [`KafkaProducer`]: records to topics, each once and in order as far as one producer can.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use rdkafka::config::FromClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord};
use tokio::time::{Instant, timeout_at};
use velox_kernel::{BusRecord, EventBus, PublishError};

use crate::KafkaOptions;
use crate::client::client;

/// Records that may wait in a producer.
const MOST: usize = 100_000;
/// What they may weigh together, in KiB.
const MOST_KIB: usize = 65_536;
/// How much longer the client library holds a record than anybody waits for it: one that it gives up by itself would leave
/// a gap before those that come after it.
const LONGER: u32 = 6;

/// Publishes records: idempotent, acknowledged by every replica in sync.
///
/// A record that fails breaks the producer, and another one is made: what the broken one still held is dropped, so that
/// nothing is sent after a gap. Whoever publishes again from what was not acknowledged doubles records at most.
pub struct KafkaProducer {
    options: KafkaOptions,
    now: Mutex<Option<Arc<FutureProducer>>>,
}

/// What is being done with the records of one call.
enum Sent {
    Delivering(DeliveryFuture),
    QueueFull,
    Refused(KafkaError),
}

impl KafkaProducer {
    /// A producer; nothing is connected before something is published.
    #[must_use]
    pub fn new(options: KafkaOptions) -> Self {
        Self { options, now: Mutex::new(None) }
    }

    fn producer(&self) -> Result<Arc<FutureProducer>, PublishError> {
        let mut now = self.now.lock();
        if let Some(producer) = &*now {
            return Ok(Arc::clone(producer));
        }
        let KafkaOptions { deadline, compression, linger, batch_bytes, .. } = &self.options;
        let mut config = client(&self.options);
        config
            .set("enable.idempotence", "true")
            .set("enable.gapless.guarantee", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set("compression.type", compression.as_str())
            .set("linger.ms", linger.as_millis().to_string())
            .set("batch.size", batch_bytes.to_string())
            .set("queue.buffering.max.messages", MOST.to_string())
            .set("queue.buffering.max.kbytes", MOST_KIB.to_string())
            // How long a topic that is not there may still be on its way to be made.
            .set("topic.metadata.propagation.max.ms", (deadline.as_millis() / 2).to_string())
            .set("message.timeout.ms", (deadline.as_millis() * u128::from(LONGER)).to_string());
        let producer = FutureProducer::from_config(&config).map_err(|error| PublishError::Away(error.to_string()))?;
        let producer = Arc::new(producer);
        *now = Some(Arc::clone(&producer));
        Ok(producer)
    }

    /// Puts a producer away that cannot be relied on any more.
    fn put_away(&self, broken: Arc<FutureProducer>) {
        let mut now = self.now.lock();
        if now.as_ref().is_some_and(|producer| Arc::ptr_eq(producer, &broken)) {
            *now = None;
        }
        drop(now);
        // Its end waits for its threads.
        tokio::task::spawn_blocking(move || drop(broken));
    }

    fn send(producer: &FutureProducer, record: &BusRecord) -> Sent {
        let headers = record
            .headers
            .iter()
            .fold(OwnedHeaders::new_with_capacity(record.headers.len()), |headers, (key, value)| {
                headers.insert(Header { key, value: Some(value) })
            });
        let record = FutureRecord::to(&record.topic)
            .key(&record.key)
            .payload(record.value.as_ref())
            .timestamp(record.at.micros() / 1_000)
            .headers(headers);
        match producer.send_result(record) {
            Ok(delivery) => Sent::Delivering(delivery),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Sent::QueueFull,
            Err((error, _)) => Sent::Refused(error),
        }
    }

    /// Hands over and waits, until everything is there, something failed or the time is over.
    async fn try_publish(
        &self,
        producer: &FutureProducer,
        records: &[BusRecord],
        deadline: Instant,
    ) -> Result<(), PublishError> {
        let mut waiting = std::collections::VecDeque::with_capacity(records.len());
        for record in records {
            loop {
                match Self::send(producer, record) {
                    Sent::Delivering(delivery) => break waiting.push_back((record, delivery)),
                    Sent::QueueFull => match waiting.pop_front() {
                        Some((record, delivery)) => delivered(record, delivery, deadline).await?,
                        // Others have filled it.
                        None => tokio::time::sleep(Duration::from_millis(1)).await,
                    },
                    Sent::Refused(error) => {
                        for (record, delivery) in waiting {
                            delivered(record, delivery, deadline).await?;
                        }
                        return Err(judge(record, &error));
                    }
                }
                if Instant::now() >= deadline {
                    return Err(PublishError::Away("its queue stays full".to_owned()));
                }
            }
        }
        for (record, delivery) in waiting {
            delivered(record, delivery, deadline).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl EventBus for KafkaProducer {
    async fn publish(&self, records: &[BusRecord]) -> Result<(), PublishError> {
        let producer = self.producer()?;
        let deadline = Instant::now() + self.options.deadline;
        // Whoever stops waiting leaves records in the queue that nobody knows of: it is put away with them.
        let mut guard = PutAway { owner: self, producer: Some(producer) };
        let Some(producer) = guard.producer.clone() else { return Ok(()) };
        let published = self.try_publish(&producer, records, deadline).await;
        if published.is_ok() {
            guard.producer = None;
        }
        published
    }
}

struct PutAway<'a> {
    owner: &'a KafkaProducer,
    producer: Option<Arc<FutureProducer>>,
}

impl Drop for PutAway<'_> {
    fn drop(&mut self) {
        if let Some(producer) = self.producer.take() {
            self.owner.put_away(producer);
        }
    }
}

/// Waits until a record is there.
async fn delivered(record: &BusRecord, delivery: DeliveryFuture, deadline: Instant) -> Result<(), PublishError> {
    match timeout_at(deadline, delivery).await {
        Ok(Ok(Ok(_))) => Ok(()),
        Ok(Ok(Err((error, _)))) => Err(judge(record, &error)),
        Ok(Err(_)) => Err(PublishError::Away("the producer was put away".to_owned())),
        Err(_) => Err(PublishError::Away("no acknowledgement came in time".to_owned())),
    }
}

/// Whether an error is about the record, and about its size.
fn judge(record: &BusRecord, error: &KafkaError) -> PublishError {
    use RDKafkaErrorCode::{
        InvalidMessage, InvalidMessageSize, InvalidRecord, InvalidTopic, MessageBatchTooLarge, MessageSizeTooLarge,
        PolicyViolation, TopicAuthorizationFailed, UnknownTopic, UnknownTopicOrPartition,
    };
    let (topic, reason) = (record.topic.clone(), error.to_string());
    match error.rdkafka_error_code() {
        Some(InvalidMessageSize | MessageBatchTooLarge | MessageSizeTooLarge) => {
            PublishError::TooLarge { topic, reason }
        }
        Some(
            InvalidMessage
            | InvalidRecord
            | InvalidTopic
            | PolicyViolation
            | TopicAuthorizationFailed
            | UnknownTopic
            | UnknownTopicOrPartition,
        ) => PublishError::Refused { topic, reason },
        _ => PublishError::Away(reason),
    }
}

#[cfg(test)]
mod tests {
    use velox_kernel::Timestamp;

    use super::*;

    #[test]
    fn what_is_refused_for_its_size_is_told_from_what_its_topic_refuses() {
        use RDKafkaErrorCode::{
            MessageBatchTooLarge, MessageSizeTooLarge, NotEnoughReplicas, RequestTimedOut, TopicAuthorizationFailed,
            UnknownTopicOrPartition,
        };
        let (topic, key, at) = ("orders".to_owned(), String::new(), Timestamp::EPOCH);
        let record = BusRecord { topic, key, value: Default::default(), headers: vec![], at };
        let judged = |code| judge(&record, &KafkaError::MessageProduction(code));
        for code in [MessageSizeTooLarge, MessageBatchTooLarge] {
            assert!(matches!(judged(code), PublishError::TooLarge { .. }), "{code}");
        }
        for code in [UnknownTopicOrPartition, TopicAuthorizationFailed] {
            assert!(matches!(judged(code), PublishError::Refused { .. }), "{code}");
        }
        for code in [NotEnoughReplicas, RequestTimedOut] {
            assert!(matches!(judged(code), PublishError::Away(_)), "{code}");
        }
    }
}
