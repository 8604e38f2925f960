//! [`MarketTopic`]: the market as the process with the feed sees it, for programs of anybody, and whoever has to hear that a
//! source of it went mute.
//!
//! The market goes on: what cannot be published now is dropped and counted, and never published late.

use std::sync::Arc;

use metrics::counter;
use tokio::sync::mpsc;
use velox_kernel::{BusRecord, Clock, EventBus};
use velox_messages::{Alert, Codec, EncodeError, MarketData, MarketStep, MarketTold, Message, Topic};

use crate::shutdown::Shutdown;

/// Steps that may wait.
const WAITING: usize = 8_192;
/// Steps that are published together.
const AT_ONCE: usize = 1_024;

/// Where the process with the feed leaves what it tells. Clones leave it in the same place.
#[derive(Clone)]
pub struct MarketTopic {
    steps: mpsc::Sender<MarketStep>,
    told: Told,
}

/// What of the market is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// All of it, and an alert when a source goes mute or is back.
    Everything,
    /// The alerts only: the market itself was published by somebody else.
    Alerts,
}

impl Told {
    /// The topics without which nothing of it is published.
    #[must_use]
    pub const fn topics(self) -> &'static [Topic] {
        match self {
            Self::Everything => &[Topic::MarketData],
            Self::Alerts => &[Topic::Alerts],
        }
    }

    /// Whether a step is published. That the process is there is no news of the market.
    const fn has(self, told: &MarketTold) -> bool {
        match told {
            MarketTold::Alive { .. } => false,
            MarketTold::Stale { .. } => true,
            _ => matches!(self, Self::Everything),
        }
    }
}

/// Publishes it.
pub struct MarketPublication {
    steps: mpsc::Receiver<MarketStep>,
    told: Told,
    bus: Arc<dyn EventBus>,
    codec: Arc<Codec>,
    clock: Arc<dyn Clock>,
}

impl MarketTopic {
    /// The topic, and who publishes it.
    #[must_use]
    pub fn new(
        told: Told,
        bus: Arc<dyn EventBus>,
        codec: Arc<Codec>,
        clock: Arc<dyn Clock>,
    ) -> (Self, MarketPublication) {
        let (sender, steps) = mpsc::channel(WAITING);
        (Self { steps: sender, told }, MarketPublication { steps, told, bus, codec, clock })
    }

    /// Tells a step, without waiting.
    pub fn tell(&self, step: &MarketStep) {
        if self.told.has(&step.told) && self.steps.try_send(step.clone()).is_err() {
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
                (published, ()) = async { tokio::join!(self.publish(&steps), self.alert(&steps)) } => published,
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
        match self.told {
            Told::Everything => self.publish_all::<MarketData>(steps.iter().map(MarketData::from).collect()).await,
            Told::Alerts => Ok(()),
        }
    }

    /// Publishes who went mute or is back, by itself: the market goes on without the topic of alerts.
    async fn alert(&self, steps: &[MarketStep]) {
        let alert = |step: &MarketStep| match step.told {
            MarketTold::Stale { symbol, at, stale } => Some(Alert::of_feed(symbol, at, stale, step.epoch, step.offset)),
            _ => None,
        };
        if let Err(reason) = self.publish_all::<Alert>(steps.iter().filter_map(alert).collect()).await {
            counter!("velox_market_topic_dropped_total").increment(1);
            tracing::warn!(reason, "who went mute, or is back, is not told on the topic of alerts");
        }
    }

    async fn publish_all<M: Message + Send>(&self, messages: Vec<M>) -> Result<(), String> {
        if messages.is_empty() {
            return Ok(());
        }
        self.codec.register(&[M::TOPIC]).await.map_err(|error| error.to_string())?;
        let records: Result<Vec<BusRecord>, EncodeError> =
            messages.iter().map(|message| self.record(message)).collect();
        self.bus.publish(&records.map_err(|error| error.to_string())?).await.map_err(|error| error.to_string())
    }

    fn record<M: Message>(&self, message: &M) -> Result<BusRecord, EncodeError> {
        let record = self.codec.record(message, None)?;
        Ok(BusRecord {
            topic: self.codec.names().topic(record.topic),
            key: record.key,
            value: record.value,
            headers: record.headers,
            at: self.clock.now(),
        })
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
    use velox_testkit::messages::MemoryRegistry;
    use velox_testkit::topics::MemoryTopics;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_market_goes_on_while_nobody_takes_it() {
        let (topics, clock) = (Arc::<MemoryTopics>::default(), Arc::new(TestClock::default()));
        let names = TopicNames::new("test").unwrap();
        let codec = Arc::new(Codec::new(names, Formats::all(Format::Json), None, clock.clone()).unwrap());
        let (topic, publication) = MarketTopic::new(Told::Everything, topics.clone(), codec.clone(), clock.clone());
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

    #[tokio::test(start_paused = true)]
    async fn a_source_that_goes_mute_is_an_alert_whoever_publishes_the_market() {
        for (told, of_market) in [(Told::Everything, 2), (Told::Alerts, 0)] {
            let (topics, clock) = (Arc::<MemoryTopics>::default(), Arc::new(TestClock::default()));
            let names = TopicNames::new("test").unwrap();
            let codec = Arc::new(Codec::new(names, Formats::all(Format::Json), None, clock.clone()).unwrap());
            let (topic, publication) = MarketTopic::new(told, topics.clone(), codec.clone(), clock.clone());
            let shutdown = Shutdown::default();
            let running = tokio::spawn(publication.run(shutdown.clone()));
            let symbol = "BTC-PERP".parse().unwrap();
            let event = MarketEvent::Trade(sample_trade("BTC-PERP", clock.now(), 1, 100));
            let trade = MarketTold::Event { event, closed: vec![], growing: None };
            for (offset, told) in [(1, trade), (2, MarketTold::Stale { symbol, at: clock.now(), stale: true })] {
                topic.tell(&MarketStep { epoch: 7, offset, told });
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert_eq!(topics.of("test.market-data.v1").len(), of_market);
            let alerts = topics.of("test.alerts.v1");
            let [alert] = &alerts[..] else { panic!("{alerts:?}") };
            let message: Alert = codec.decode(&alert.value).await.unwrap();
            assert_eq!((alert.key.as_str(), message), ("BTC-PERP", Alert::of_feed(symbol, clock.now(), true, 7, 2)));
            shutdown.begin();
            running.await.unwrap();
        }
    }

    /// A trade, and that its source went mute.
    fn trade_and_mute(clock: &TestClock) -> [MarketStep; 2] {
        let symbol = "BTC-PERP".parse().unwrap();
        let event = MarketEvent::Trade(sample_trade("BTC-PERP", clock.now(), 1, 100));
        let trade = MarketTold::Event { event, closed: vec![], growing: None };
        let mute = MarketTold::Stale { symbol, at: clock.now(), stale: true };
        [(1, trade), (2, mute)].map(|(offset, told)| MarketStep { epoch: 7, offset, told })
    }

    #[tokio::test(start_paused = true)]
    async fn alerts_that_are_refused_are_in_no_way_of_the_market() {
        type Trouble = fn(&MemoryRegistry, &MemoryTopics);
        let is_refused: Trouble = |registry, _| registry.is_overcome_by("test.alerts.v1-value");
        let is_closed: Trouble = |_, topics| topics.refuses_topic("test.alerts.v1", true);
        for trouble in [is_refused, is_closed] {
            let (topics, clock) = (Arc::<MemoryTopics>::default(), Arc::new(TestClock::default()));
            let registry = Arc::<MemoryRegistry>::default();
            trouble(&registry, &topics);
            let names = TopicNames::new("test").unwrap();
            let codec = Codec::new(names, Formats::default(), Some(registry), clock.clone()).unwrap();
            let (topic, publication) =
                MarketTopic::new(Told::Everything, topics.clone(), Arc::new(codec), clock.clone());
            let shutdown = Shutdown::default();
            let running = tokio::spawn(publication.run(shutdown.clone()));
            for round in 1..=3 {
                trade_and_mute(&clock).iter().for_each(|step| topic.tell(step));
                tokio::time::sleep(Duration::from_millis(1)).await;
                assert_eq!(topics.of("test.market-data.v1").len(), 2 * round);
            }
            assert_eq!(topics.of("test.alerts.v1").len(), 0);
            shutdown.begin();
            running.await.unwrap();
        }
    }
}
