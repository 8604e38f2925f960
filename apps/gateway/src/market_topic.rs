//! [`MarketTopic`]: the market as the process with the feed sees it, for programs of anybody.
//!
//! The market goes on: what cannot be published now is dropped and counted, and never published late.

use std::sync::Arc;

use metrics::counter;
use tokio::sync::mpsc;
use velox_kernel::{BusRecord, Clock, EventBus};
use velox_messages::{Codec, EncodeError, MarketData, MarketStep, MarketTold};

use crate::shutdown::Shutdown;

/// Steps that may wait.
const WAITING: usize = 8_192;
/// Steps that are published together.
const AT_ONCE: usize = 1_024;

/// Where the process with the feed leaves what it tells. Clones leave it in the same place.
#[derive(Clone)]
pub struct MarketTopic(mpsc::Sender<MarketStep>);

/// Publishes it.
pub struct MarketPublication {
    steps: mpsc::Receiver<MarketStep>,
    bus: Arc<dyn EventBus>,
    codec: Arc<Codec>,
    clock: Arc<dyn Clock>,
}

impl MarketTopic {
    /// The topic, and who publishes it.
    #[must_use]
    pub fn new(bus: Arc<dyn EventBus>, codec: Arc<Codec>, clock: Arc<dyn Clock>) -> (Self, MarketPublication) {
        let (sender, steps) = mpsc::channel(WAITING);
        (Self(sender), MarketPublication { steps, bus, codec, clock })
    }

    /// Tells a step, without waiting. That the process is there is no news of the market.
    pub fn tell(&self, step: &MarketStep) {
        if !matches!(step.told, MarketTold::Alive { .. }) && self.0.try_send(step.clone()).is_err() {
            counter!("velox_market_topic_dropped_total").increment(1);
        }
    }
}

impl MarketPublication {
    /// Publishes until the shutdown begins.
    pub async fn run(mut self, shutdown: Shutdown) {
        let leaving = shutdown.begun();
        tokio::pin!(leaving);
        let mut steps = Vec::with_capacity(AT_ONCE);
        let mut troubled = false;
        loop {
            tokio::select! {
                () = &mut leaving => return,
                count = self.steps.recv_many(&mut steps, AT_ONCE) => if count == 0 { break },
            }
            let count = u64::try_from(steps.len()).unwrap_or(u64::MAX);
            let published = tokio::select! {
                () = &mut leaving => return,
                published = self.publish(&steps) => published,
            };
            steps.clear();
            match published {
                Ok(()) => {
                    counter!("velox_market_topic_records_total").increment(count);
                    if std::mem::take(&mut troubled) {
                        tracing::info!("the market is published again");
                    }
                }
                Err(reason) => {
                    counter!("velox_market_topic_dropped_total").increment(count);
                    if !std::mem::replace(&mut troubled, true) {
                        tracing::warn!(reason, "the market cannot be published now; what it says meanwhile is dropped");
                    }
                }
            }
        }
        // Nobody has the feed any more.
        leaving.await;
    }

    async fn publish(&self, steps: &[MarketStep]) -> Result<(), String> {
        self.codec.register().await.map_err(|error| error.to_string())?;
        let now = self.clock.now();
        let record = |step: &MarketStep| {
            let record = self.codec.record(&MarketData::from(step), None)?;
            Ok(BusRecord {
                topic: self.codec.names().topic(record.topic),
                key: record.key,
                value: record.value,
                headers: record.headers,
                at: now,
            })
        };
        let records: Result<Vec<BusRecord>, EncodeError> = steps.iter().map(record).collect();
        self.bus.publish(&records.map_err(|error| error.to_string())?).await.map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::time::Duration;

    use velox_market::MarketEvent;
    use velox_messages::{Format, Formats, TopicNames};
    use velox_testkit::TestClock;
    use velox_testkit::market::sample_trade;
    use velox_testkit::topics::MemoryTopics;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_market_goes_on_while_nobody_takes_it() {
        let (topics, clock) = (Arc::<MemoryTopics>::default(), Arc::new(TestClock::default()));
        let names = TopicNames::new("test").unwrap();
        let codec = Arc::new(Codec::new(names, Formats::all(Format::Json), None, clock.clone()).unwrap());
        let (topic, publication) = MarketTopic::new(topics.clone(), codec.clone(), clock.clone());
        let shutdown = Shutdown::default();
        let running = tokio::spawn(publication.run(shutdown.clone()));
        let tell = async |offset: u64| {
            let event = MarketEvent::Trade(sample_trade("BTC-PERP", clock.now(), offset, 100));
            let told = MarketTold::Event { event, closed: vec![], growing: None };
            let step = MarketStep { epoch: 1, offset, told };
            topic.tell(&step);
            tokio::time::sleep(Duration::from_millis(1)).await;
            step
        };
        let alive = MarketStep { epoch: 1, offset: 1, told: MarketTold::Alive { at: clock.now() } };
        topic.tell(&alive);
        let first = tell(1).await;
        topics.breaks_after(Some(0));
        tell(2).await;
        topics.breaks_after(None);
        let third = tell(3).await;
        let mut found = Vec::new();
        for record in topics.of("test.market-data.v1") {
            assert_eq!(record.key, "BTC-PERP");
            let message: MarketData = codec.decode(&record.value).await.unwrap();
            found.push(MarketStep::try_from(&message).unwrap());
        }
        assert_eq!(found, [first, third], "what was not taken is not published late");
        shutdown.begin();
        running.await.unwrap();
    }
}
