//! [`TopicFeed`]: the market as another processor publishes it, in place of a feed of our own.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use metrics::counter;
use velox_kafka::{Begin, KafkaOptions, TopicReader, TopicRecord, read_topic};
use velox_kernel::{Clock, Symbol, Timestamp};
use velox_market::{Feed, FeedError, FeedPosition, MarketEvent};
use velox_messages::{Codec, DecodeError, MarketData, MarketStep, MarketTold, Topic};

use crate::dead_letters::DeadLetters;

/// The feed's name in the store, before the part of the market.
const TOPIC_FEED: &str = "topic";

/// Where records come from.
#[async_trait]
pub trait TopicSource: Send {
    /// The next record. Dropping the future before it is ready loses none.
    ///
    /// # Errors
    /// Why there is none now; the next call tries again.
    async fn next(&mut self) -> Result<TopicRecord, String>;

    /// Whoever asks cannot go on for now: what comes until he asks again waits, and nobody else with it.
    fn hold_up(&mut self) {}
}

/// How far back a topic is read at first. The process that had a part before this one is missed within a few seconds, and
/// clocks differ.
const BEFORE: Duration = Duration::from_secs(15);

/// Records of Kafka, from some seconds before it is first asked.
pub struct KafkaSource {
    options: KafkaOptions,
    topic: String,
    clock: Arc<dyn Clock>,
    begun: bool,
    reader: Option<TopicReader>,
}

impl KafkaSource {
    /// Records of a topic; nothing is connected yet.
    #[must_use]
    pub const fn new(options: KafkaOptions, topic: String, clock: Arc<dyn Clock>) -> Self {
        Self { options, topic, clock, begun: false, reader: None }
    }
}

#[async_trait]
impl TopicSource for KafkaSource {
    async fn next(&mut self) -> Result<TopicRecord, String> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            None => {
                let begin = if self.begun { Begin::Now } else { Begin::At(self.clock.now().minus(BEFORE)) };
                let reader = read_topic(&self.options, &self.topic, begin).await;
                let reader = self.reader.insert(reader.map_err(|error| error.to_string())?);
                self.begun = true;
                reader
            }
        };
        match reader.next().await {
            Some(record) => Ok(record),
            None => {
                self.reader = None;
                Err("its readers have ended".to_owned())
            }
        }
    }
}

/// A part of the market as another processor publishes it. Trades, quotes and bars count; candles are made here, and whether a
/// source is mute is judged here.
///
/// It begins some seconds before it was started, so that nothing is missed that came while no process had the part: these
/// events may be known ([`Feed::repeats`]).
pub struct TopicFeed {
    source: Box<dyn TopicSource>,
    codec: Arc<Codec>,
    symbols: HashSet<Symbol>,
    /// Wall time of its start: later records are new, whatever number they have.
    begun: Timestamp,
    /// Whether the event given last is of before.
    repeats: bool,
    dead_letters: DeadLetters,
    /// A record that was read and not understood yet: the registry may be away.
    waiting: Option<TopicRecord>,
    position: FeedPosition,
}

/// What a topic's feed works with.
pub struct TopicFeedPorts {
    /// How messages are read.
    pub codec: Arc<Codec>,
    /// Where records go that cannot be read.
    pub dead_letters: DeadLetters,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
}

impl TopicFeed {
    /// The market of these symbols, which are of one part, from `now` on, the feed's time.
    #[must_use]
    pub fn new(
        part: u32,
        source: Box<dyn TopicSource>,
        symbols: HashSet<Symbol>,
        ports: TopicFeedPorts,
        now: Timestamp,
    ) -> Self {
        let position = FeedPosition { feed: format!("{TOPIC_FEED}-{part}"), epoch: 0, index: 0, at: now };
        let TopicFeedPorts { codec, dead_letters, clock } = ports;
        Self { source, codec, symbols, begun: clock.now(), repeats: false, dead_letters, waiting: None, position }
    }

    /// What a record says, if it is an event of a symbol of ours. One that cannot be read goes to the dead letters.
    async fn understand(&mut self) -> Result<Option<MarketEvent>, FeedError> {
        let Some(record) = &self.waiting else { return Ok(None) };
        let decoded = match self.codec.decode::<MarketData>(&record.value).now_or_never() {
            Some(decoded) => decoded,
            None => {
                // Its schema is asked for, which may take long.
                self.source.hold_up();
                self.codec.decode(&record.value).await
            }
        };
        let step = match decoded {
            Ok(message) => MarketStep::try_from(&message).map_err(|unknown| unknown.to_string()),
            Err(DecodeError::Unreadable(reason)) => Err(reason),
            // Asked again with the next call.
            Err(DecodeError::RegistryAway(reason)) => {
                self.source.hold_up();
                return Err(FeedError::Disconnected { reason });
            }
        };
        let Some(record) = self.waiting.take() else { return Ok(None) };
        match step {
            Ok(MarketStep { told: MarketTold::Event { event, .. }, .. }) => {
                if self.symbols.contains(&event.symbol()) {
                    self.repeats = record.at < self.begun;
                    return Ok(Some(event));
                }
                counter!("velox_topic_feed_unknown_symbols_total").increment(1);
            }
            Ok(_) => {}
            Err(reason) => {
                // The market does not wait for that.
                if let Err(full) = self.dead_letters.take(Topic::MarketData, &record, &reason) {
                    let topic = self.codec.names().topic(Topic::MarketData);
                    let TopicRecord { partition, offset, .. } = record;
                    tracing::warn!(topic, partition, offset, reason, %full, "a record cannot be read, and stays where it is");
                }
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl Feed for TopicFeed {
    async fn next(&mut self) -> Result<MarketEvent, FeedError> {
        loop {
            if self.waiting.is_none() {
                let record = self.source.next().await;
                self.waiting = Some(record.map_err(|reason| FeedError::Disconnected { reason })?);
            }
            if let Some(event) = self.understand().await? {
                let cursor = event.cursor();
                self.position.epoch = cursor.epoch;
                self.position.index = cursor.offset;
                self.position.at = self.position.at.max(event.at());
                return Ok(event);
            }
        }
    }

    fn position(&self) -> FeedPosition {
        self.position.clone()
    }

    fn repeats(&self) -> bool {
        self.repeats
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::VecDeque;

    use parking_lot::Mutex;
    use tokio::sync::mpsc;
    use velox_messages::{Format, Formats, SchemaRegistry, TopicNames};
    use velox_testkit::TestClock;
    use velox_testkit::market::sample_trade;
    use velox_testkit::messages::MemoryRegistry;
    use velox_testkit::topics::MemoryTopics;

    use super::*;
    use crate::bridges::TopicParts;
    use crate::market_parts::market_part;
    use crate::shutdown::Shutdown;

    struct Script(VecDeque<Result<TopicRecord, String>>);

    #[async_trait]
    impl TopicSource for Script {
        async fn next(&mut self) -> Result<TopicRecord, String> {
            match self.0.pop_front() {
                Some(said) => said,
                None => std::future::pending().await,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn events_come_in_and_what_cannot_be_read_is_put_aside() {
        let (clock, topics) = (Arc::new(TestClock::default()), Arc::<MemoryTopics>::default());
        let names = TopicNames::new("test").unwrap();
        let codec = Arc::new(Codec::new(names, Formats::all(Format::Json), None, clock.clone()).unwrap());
        let event = |symbol: &str, offset: u64| {
            MarketEvent::Trade(sample_trade(symbol, clock.now(), offset, i32::try_from(offset).unwrap()))
        };
        let said = |told: MarketTold| {
            let message = MarketData::from(&MarketStep { epoch: 7, offset: 1, told });
            codec.encode(&message).unwrap().to_vec()
        };
        let trade = |symbol: &str, offset| {
            said(MarketTold::Event { event: event(symbol, offset), closed: vec![], growing: None })
        };
        let record = |offset: u64, value: Vec<u8>| TopicRecord {
            partition: 3,
            offset,
            // The first ones are of before it was started.
            at: if offset < 5 { clock.now().minus(Duration::from_millis(1)) } else { clock.now() },
            key: Some(b"BTC-PERP".to_vec()),
            value,
            headers: vec![("event_id".to_owned(), "its id".to_owned()), ("of another".to_owned(), "x".to_owned())],
        };
        let script = [
            Ok(record(1, trade("BTC-PERP", 1))),
            Ok(record(2, b"{\"no\": \"message\"}".to_vec())),
            Err("away".to_owned()),
            Ok(record(3, trade("UNKNOWN", 2))),
            Ok(record(4, said(MarketTold::Alive { at: clock.now() }))),
            Ok(record(5, trade("BTC-PERP", 3))),
        ];
        let (letters, post) = DeadLetters::new(codec.names().clone(), topics.clone(), clock.clone());
        let shutdown = Shutdown::default();
        let posting = tokio::spawn(post.run(shutdown.clone()));
        let symbols = std::iter::once("BTC-PERP".parse().unwrap()).collect();
        let source = Box::new(Script(script.into()));
        let ports = TopicFeedPorts { codec: codec.clone(), dead_letters: letters, clock: clock.clone() };
        let mut feed = TopicFeed::new(3, source, symbols, ports, clock.now());
        assert_eq!((feed.next().await, feed.repeats()), (Ok(event("BTC-PERP", 1)), true));
        assert_eq!(feed.next().await, Err(FeedError::Disconnected { reason: "away".to_owned() }));
        assert_eq!((feed.next().await, feed.repeats()), (Ok(event("BTC-PERP", 3)), false));
        assert_eq!(feed.position().index, 3);
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let letters = topics.of("test.market-data.v1.dead-letters");
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0].value, b"{\"no\": \"message\"}".as_slice());
        let header =
            |name: &str| letters[0].headers.iter().find(|(known, _)| *known == name).map(|(_, it)| it.as_str());
        assert_eq!((header("event_id"), header("dead-letter-offset")), (Some("its id"), Some("2")));
        assert_eq!(header("dead-letter-partition"), Some("3"));
        shutdown.begin();
        posting.await.unwrap();
    }

    /// Parts that are read as they come, and a topic to say what comes.
    fn parts() -> (Arc<TopicParts>, mpsc::UnboundedSender<TopicRecord>) {
        let (topic, records) = mpsc::unbounded_channel();
        let records = Mutex::new(Some(records));
        (TopicParts::new(Box::new(move || Box::new(Live(records.lock().take().unwrap())))), topic)
    }

    struct Live(mpsc::UnboundedReceiver<TopicRecord>);

    #[async_trait]
    impl TopicSource for Live {
        async fn next(&mut self) -> Result<TopicRecord, String> {
            self.0.recv().await.ok_or_else(|| "it has ended".to_owned())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_whose_schema_cannot_be_asked_for_waits_alone() {
        type Trouble = fn(&MemoryRegistry, bool);
        let away: Trouble = |registry, away| registry.set_away(away);
        let silent: Trouble = |registry, silent| registry.hold_answers(silent);
        for trouble in [away, silent] {
            let clock = Arc::new(TestClock::default());
            let registry = Arc::<MemoryRegistry>::default();
            let codec = |format, registry: Option<Arc<dyn SchemaRegistry>>| {
                let names = TopicNames::new("test").unwrap();
                Arc::new(Codec::new(names, Formats::all(format), registry, clock.clone()).unwrap())
            };
            let (avro, json) = (codec(Format::Avro, Some(registry.clone())), codec(Format::Json, None));
            avro.register(&[Topic::MarketData]).await.unwrap();
            let reader = codec(Format::Avro, Some(registry.clone()));
            let (parts, topic) = parts();
            let mut symbols = (0..).map(|number| format!("S{number}").parse::<Symbol>().unwrap());
            let waits = symbols.next().unwrap();
            let goes_on = symbols.find(|other| market_part(*other) != market_part(waits)).unwrap();
            let event =
                |symbol: Symbol, offset| MarketEvent::Trade(sample_trade(symbol.as_str(), clock.now(), offset, 1));
            let tell = |codec: &Codec, symbol: Symbol, offset| {
                let told = MarketTold::Event { event: event(symbol, offset), closed: vec![], growing: None };
                let value = codec.encode(&MarketData::from(&MarketStep { epoch: 7, offset, told })).unwrap().to_vec();
                let (key, headers) = (Some(symbol.as_str().as_bytes().to_vec()), vec![]);
                topic.send(TopicRecord { partition: 0, offset, at: clock.now(), key, value, headers }).unwrap();
            };
            let feed = |symbol: Symbol| {
                let (letters, _post) =
                    DeadLetters::new(reader.names().clone(), Arc::<MemoryTopics>::default(), clock.clone());
                let ports = TopicFeedPorts { codec: reader.clone(), dead_letters: letters, clock: clock.clone() };
                let source = Box::new(parts.listen(market_part(symbol)));
                TopicFeed::new(market_part(symbol), source, [symbol].into(), ports, clock.now())
            };
            let (mut first, mut second) = (feed(waits), feed(goes_on));
            trouble(&registry, true);
            // More than may wait for a part.
            for offset in 1..=3_000 {
                tell(&avro, waits, offset);
            }
            tell(&json, goes_on, 3_001);
            let heard = async {
                // As whoever has the feed does: it is asked again and again.
                let trying = async {
                    loop {
                        let _ = tokio::time::timeout(Duration::from_secs(1), first.next()).await;
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                };
                tokio::select! {
                    heard = second.next() => heard,
                    () = trying => panic!("it is tried for ever"),
                }
            };
            let heard = tokio::time::timeout(Duration::from_secs(60), heard).await;
            assert_eq!(heard.unwrap(), Ok(event(goes_on, 3_001)), "the other part goes on");
            trouble(&registry, false);
            for offset in 1..=3_000 {
                assert_eq!(first.next().await, Ok(event(waits, offset)), "what waited comes in order");
            }
        }
    }
}
