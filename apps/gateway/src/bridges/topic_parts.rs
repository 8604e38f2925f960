//! [`TopicParts`]: the topic of the market, read once by a process for all the parts that it has.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use velox_kafka::{TopicRecord, partition_of};

use super::topic_feed::TopicSource;
use crate::market_parts::MARKET_PARTS;

/// Records of a part that may wait; the others wait with it then.
const WAITING: usize = 1_024;
/// How long to wait before a topic that could not be read is read again.
const AGAIN: Duration = Duration::from_secs(1);

type Heard = Result<TopicRecord, String>;

/// Makes a source of the whole topic.
pub type OpenTopic = Box<dyn Fn() -> Box<dyn TopicSource> + Send + Sync>;

/// Reads the topic once for all the parts of the market that this process has, for as long as there is one.
pub struct TopicParts {
    open: OpenTopic,
    reading: Arc<Mutex<Reading>>,
}

#[derive(Default)]
struct Reading {
    listeners: HashMap<u32, mpsc::Sender<Heard>>,
    /// Whether somebody reads, and will until it is found here that nobody listens.
    is_read: bool,
}

impl TopicParts {
    /// Nothing is read before somebody listens.
    #[must_use]
    pub fn new(open: OpenTopic) -> Arc<Self> {
        Arc::new(Self { open, reading: Arc::default() })
    }

    /// The records of a part from now on; who listened to it before hears no more.
    #[must_use]
    pub fn listen(self: &Arc<Self>, part: u32) -> PartSource {
        let (sender, records) = mpsc::channel(WAITING);
        let mut reading = self.reading.lock();
        reading.listeners.insert(part, sender);
        if !std::mem::replace(&mut reading.is_read, true) {
            tokio::spawn(read((self.open)(), Arc::clone(&self.reading)));
        }
        PartSource { parts: Arc::clone(self), part, records }
    }
}

/// Reads on and on, until nobody listens.
async fn read(mut source: Box<dyn TopicSource>, reading: Arc<Mutex<Reading>>) {
    loop {
        // Looked at also while nothing comes.
        let heard = tokio::time::timeout(AGAIN, source.next()).await;
        let listener = {
            let mut reading = reading.lock();
            reading.listeners.retain(|_, listener| !listener.is_closed());
            if reading.listeners.is_empty() {
                reading.is_read = false;
                return;
            }
            match &heard {
                Ok(Ok(record)) => reading.listeners.get(&part_of(record)).cloned(),
                Ok(Err(reason)) => {
                    // Whoever has records to work off hears of it later, or not.
                    reading.listeners.values().for_each(|listener| {
                        let _ = listener.try_send(Err(reason.clone()));
                    });
                    None
                }
                Err(_) => None,
            }
        };
        match heard {
            Ok(Ok(record)) => {
                if let Some(listener) = listener {
                    // One that has gone meanwhile is forgotten with the next record.
                    let _ = listener.send(Ok(record)).await;
                }
            }
            Ok(Err(_)) => tokio::time::sleep(AGAIN).await,
            Err(_) => {}
        }
    }
}

/// The part that a record is of: its symbol's, or any where it names none.
fn part_of(record: &TopicRecord) -> u32 {
    record.key.as_ref().map_or(record.partition % MARKET_PARTS, |key| partition_of(key, MARKET_PARTS))
}

/// The records of one part.
pub struct PartSource {
    parts: Arc<TopicParts>,
    part: u32,
    records: mpsc::Receiver<Heard>,
}

#[async_trait]
impl TopicSource for PartSource {
    async fn next(&mut self) -> Result<TopicRecord, String> {
        match self.records.recv().await {
            Some(heard) => heard,
            None => {
                self.records = self.parts.listen(self.part).records;
                Err("the topic's reader has ended".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::VecDeque;

    use velox_kernel::Symbol;

    use super::*;
    use crate::market_parts::market_part;

    struct Script(VecDeque<Heard>);

    #[async_trait]
    impl TopicSource for Script {
        async fn next(&mut self) -> Result<TopicRecord, String> {
            match self.0.pop_front() {
                Some(heard) => heard,
                None => std::future::pending().await,
            }
        }
    }

    fn record(symbol: Symbol, offset: u64) -> TopicRecord {
        let key = Some(symbol.as_str().as_bytes().to_vec());
        TopicRecord { partition: 0, offset, key, value: vec![], headers: vec![] }
    }

    #[tokio::test(start_paused = true)]
    async fn each_part_hears_its_own_and_the_topic_is_read_once() {
        let mut names = (0..).map(|number| format!("S{number}").parse::<Symbol>().unwrap());
        let one = names.next().unwrap();
        let other = names.find(|other| market_part(*other) != market_part(one)).unwrap();
        let opened = Arc::new(Mutex::new(0));
        let count = Arc::clone(&opened);
        let parts = TopicParts::new(Box::new(move || {
            *count.lock() += 1;
            let script = [Ok(record(one, 1)), Ok(record(other, 2)), Err("away".to_owned()), Ok(record(one, 3))];
            Box::new(Script(script.into()))
        }));
        let (mut first, mut second) = (parts.listen(market_part(one)), parts.listen(market_part(other)));
        assert_eq!(first.next().await.unwrap().offset, 1);
        assert_eq!(second.next().await.unwrap().offset, 2);
        assert_eq!(first.next().await, Err("away".to_owned()));
        assert_eq!(second.next().await, Err("away".to_owned()));
        assert_eq!(first.next().await.unwrap().offset, 3);
        // Who listens anew takes the place of who listened before.
        let mut again = parts.listen(market_part(other));
        assert_eq!(second.next().await, Err("the topic's reader has ended".to_owned()));
        assert!(tokio::time::timeout(Duration::from_secs(5), again.next()).await.is_ok_and(|heard| heard.is_err()));
        assert_eq!(*opened.lock(), 1);
    }
}
