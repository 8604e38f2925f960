//! The contract of [`EventBus`], and a fake.

use std::collections::HashSet;

use async_trait::async_trait;
use parking_lot::Mutex;
use velox_kernel::{BusRecord, EventBus, PublishError, Timestamp};

/// Keeps records in memory, in the order in which they came.
#[derive(Debug, Default)]
pub struct MemoryTopics(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    records: Vec<BusRecord>,
    known: Option<HashSet<String>>,
    breaks_after: Option<usize>,
    refused_key: Option<String>,
    refused_topics: HashSet<String>,
}

/// The largest value that is taken, in bytes; Kafka takes about as much by default.
const LARGEST: usize = 1_000_000;

impl MemoryTopics {
    /// Knows these topics alone; without it, every topic.
    #[must_use]
    pub fn knowing(topics: &[&str]) -> Self {
        let known = Some(topics.iter().map(|topic| (*topic).to_owned()).collect());
        Self(Mutex::new(Kept { known, ..Kept::default() }))
    }

    /// Everything on a topic, in order.
    #[must_use]
    pub fn of(&self, topic: &str) -> Vec<BusRecord> {
        self.0.lock().records.iter().filter(|record| record.topic == topic).cloned().collect()
    }

    /// Refuses records of this key; `None` refuses none.
    pub fn refuses(&self, key: Option<&str>) {
        self.0.lock().refused_key = key.map(str::to_owned);
    }

    /// Refuses records of this topic, or takes them again.
    pub fn refuses_topic(&self, topic: &str, refuses: bool) {
        let refused = &mut self.0.lock().refused_topics;
        let _ = if refuses { refused.insert(topic.to_owned()) } else { refused.remove(topic) };
    }

    /// Takes so many records more, and then none, in the middle of a call too; `None` takes all.
    pub fn breaks_after(&self, records: Option<usize>) {
        self.0.lock().breaks_after = records;
    }
}

#[async_trait]
impl EventBus for MemoryTopics {
    async fn publish(&self, records: &[BusRecord]) -> Result<(), PublishError> {
        let mut kept = self.0.lock();
        for record in records {
            if kept.known.as_ref().is_some_and(|known| !known.contains(&record.topic)) {
                return Err(PublishError::Refused {
                    topic: record.topic.clone(),
                    reason: "it is not known".to_owned(),
                });
            }
            let topic = record.topic.clone();
            if kept.refused_key.as_ref() == Some(&record.key) || kept.refused_topics.contains(&topic) {
                return Err(PublishError::Refused { topic, reason: "as told".to_owned() });
            }
            if record.value.len() > LARGEST {
                return Err(PublishError::TooLarge { topic, reason: format!("{LARGEST} bytes are taken") });
            }
            if let Some(left) = &mut kept.breaks_after {
                let Some(fewer) = left.checked_sub(1) else { return Err(PublishError::Away("as told".to_owned())) };
                *left = fewer;
            }
            kept.records.push(record.clone());
        }
        Ok(())
    }
}

/// Records come to their topics whole, and in order under each key; a topic that is not there is a refusal, and so is a
/// record that is too large, which is told apart. `read` gives
/// the records of a topic, each key's in order. `topic` is there and empty, `unknown` is not there.
///
/// # Panics
/// When the bus does not do what the port says.
#[expect(clippy::expect_used, reason = "a contract is a test")]
pub async fn event_bus_contract(
    bus: &dyn EventBus,
    topic: &str,
    unknown: &str,
    read: impl AsyncFn(&str) -> Vec<BusRecord>,
) {
    let record = |topic: &str, key: &str, number: u64| BusRecord {
        topic: topic.to_owned(),
        key: key.to_owned(),
        value: number.to_string().into_bytes().into(),
        headers: vec![("event_id", format!("{key}-{number}")), ("name", "ünïcode".to_owned())],
        at: Timestamp::from_micros(1_767_614_400_123_000),
    };
    bus.publish(&[]).await.expect("nothing is nothing");
    let keys = ["one", "two", "three"];
    for batch in 0..10 {
        let numbers = (0..50).map(|number| batch * 50 + number);
        let records: Vec<_> = numbers.flat_map(|number| keys.map(|key| record(topic, key, number))).collect();
        bus.publish(&records).await.expect("the bus is there");
    }
    let found = read(topic).await;
    assert_eq!(found.len(), 1_500);
    for key in keys {
        let of_key: Vec<&BusRecord> = found.iter().filter(|record| record.key == key).collect();
        assert!((0..500).zip(&of_key).all(|(number, found)| **found == record(topic, key, number)), "of {key}");
    }
    let refused = bus.publish(&[record(unknown, "one", 1)]).await;
    assert!(matches!(&refused, Err(PublishError::Refused { topic, .. }) if topic == unknown), "{refused:?}");
    let large = BusRecord { value: vec![0; 4_000_000].into(), ..record(topic, "one", 1) };
    let refused = bus.publish(&[large]).await;
    assert!(matches!(&refused, Err(PublishError::TooLarge { topic: of, .. }) if of == topic), "{refused:?}");
    bus.publish(&[record(topic, "four", 1)]).await.expect("a refusal hurts nobody else");
    assert_eq!(read(topic).await.len(), 1_501);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn passes_the_contract() {
        let topics = MemoryTopics::knowing(&["known"]);
        event_bus_contract(&topics, "known", "unknown", async |topic| topics.of(topic)).await;
    }
}
