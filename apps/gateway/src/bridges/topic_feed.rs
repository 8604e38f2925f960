//! [`TopicFeed`]: the market as another processor publishes it, in place of a feed of our own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use metrics::counter;
use velox_kafka::{Begin, KafkaOptions, TopicReader, TopicRecord, read_topic};
use velox_kernel::{Clock, Symbol, Timeframe, Timestamp};
use velox_market::{Feed, FeedError, FeedPosition, HotMarket, MarketEvent};
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
/// It begins some seconds before it was started, so that nothing is missed that came while no process had the part. What
/// memory knows of these seconds is left out.
pub struct TopicFeed {
    source: Box<dyn TopicSource>,
    codec: Arc<Codec>,
    /// Its symbols, and until when minutes of each were kept at its start.
    symbols: HashMap<Symbol, Option<Timestamp>>,
    hot: Arc<HotMarket>,
    /// Wall time of its start: later records are new, whatever number they have.
    begun: Timestamp,
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
    /// What is known already.
    pub hot: Arc<HotMarket>,
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
        let TopicFeedPorts { codec, dead_letters, hot, clock } = ports;
        let symbols = symbols.into_iter().map(|symbol| (symbol, hot.closed_until(symbol, Timeframe::M1))).collect();
        Self { source, codec, symbols, hot, begun: clock.now(), dead_letters, waiting: None, position }
    }

    /// Whether the process that had the part before has taken it in, or a candle that it kept.
    fn is_known(&self, event: &MarketEvent, made: Timestamp, kept_until: Option<Timestamp>) -> bool {
        made < self.begun
            && (self.hot.ticker(event.symbol()).is_some_and(|known| known.cursor() >= event.cursor())
                || kept_until.is_some_and(|until| event.at() < until))
    }

    /// What a record says, if it is an event of a symbol of ours. One that cannot be read goes to the dead letters.
    async fn understand(&mut self) -> Result<Option<MarketEvent>, FeedError> {
        let Some(record) = &self.waiting else { return Ok(None) };
        let step = match self.codec.decode::<MarketData>(&record.value).await {
            Ok(message) => MarketStep::try_from(&message).map_err(|unknown| unknown.to_string()),
            Err(DecodeError::Unreadable(reason)) => Err(reason),
            // Asked again with the next call.
            Err(DecodeError::RegistryAway(reason)) => return Err(FeedError::Disconnected { reason }),
        };
        let Some(record) = self.waiting.take() else { return Ok(None) };
        match step {
            Ok(MarketStep { told: MarketTold::Event { event, .. }, .. }) => match self.symbols.get(&event.symbol()) {
                None => counter!("velox_topic_feed_unknown_symbols_total").increment(1),
                Some(kept_until) if self.is_known(&event, record.at, *kept_until) => {}
                Some(_) => return Ok(Some(event)),
            },
            Ok(_) => {}
            Err(reason) => {
                let names = self.codec.names();
                let (topic, letters) = (names.topic(Topic::MarketData), names.dead_letters(Topic::MarketData));
                self.dead_letters.take(&topic, letters, record, &reason);
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
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::VecDeque;

    use velox_market::{Candle, HotSettings, Ticker};
    use velox_messages::{Format, Formats, TopicNames};
    use velox_testkit::TestClock;
    use velox_testkit::market::{sample_candle, sample_trade};
    use velox_testkit::topics::MemoryTopics;

    use super::*;
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
            at: clock.now(),
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
        let (letters, post) = DeadLetters::new(topics.clone(), clock.clone());
        let shutdown = Shutdown::default();
        let posting = tokio::spawn(post.run(shutdown.clone()));
        let symbols = std::iter::once("BTC-PERP".parse().unwrap()).collect();
        let source = Box::new(Script(script.into()));
        let hot = Arc::new(HotMarket::new(HotSettings::default()));
        let ports = TopicFeedPorts { codec: codec.clone(), dead_letters: letters, hot, clock: clock.clone() };
        let mut feed = TopicFeed::new(3, source, symbols, ports, clock.now());
        assert_eq!(feed.next().await, Ok(event("BTC-PERP", 1)));
        assert_eq!(feed.next().await, Err(FeedError::Disconnected { reason: "away".to_owned() }));
        assert_eq!(feed.next().await, Ok(event("BTC-PERP", 3)));
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

    #[tokio::test(start_paused = true)]
    async fn what_the_process_before_has_taken_in_does_not_come_again() {
        let (clock, topics) = (Arc::new(TestClock::default()), Arc::<MemoryTopics>::default());
        let names = TopicNames::new("test").unwrap();
        let codec = Arc::new(Codec::new(names, Formats::all(Format::Json), None, clock.clone()).unwrap());
        let symbol: Symbol = "BTC-PERP".parse().unwrap();
        let minute = Timeframe::M1.open_of(clock.now());
        let trade =
            |second: u64, offset: u64| sample_trade("BTC-PERP", minute.plus(Duration::from_secs(second)), offset, 1);
        let record = |made: Timestamp, trade| {
            let told = MarketTold::Event { event: MarketEvent::Trade(trade), closed: vec![], growing: None };
            let value = codec.encode(&MarketData::from(&MarketStep { epoch: 7, offset: 1, told })).unwrap().to_vec();
            Ok(TopicRecord {
                partition: 3,
                offset: 1,
                at: made,
                key: Some(b"BTC-PERP".to_vec()),
                value,
                headers: vec![],
            })
        };
        clock.advance(Duration::from_secs(600));
        let (now, before) = (clock.now(), clock.now().minus(Duration::from_secs(1)));
        let script = [
            record(before, trade(58, 9)),
            record(before, trade(59, 11)),
            record(before, trade(61, 10)),
            record(before, trade(62, 11)),
            // One that begins to count anew is new.
            record(now, trade(63, 1)),
        ];
        let hot = Arc::new(HotMarket::new(HotSettings::default()));
        hot.restore(&[Ticker { symbol, quote: None, last: Some(trade(61, 10)) }]);
        hot.remember(&[Candle { open_time: minute, ..sample_candle(symbol, Timeframe::M1, 0, 1) }]);
        let (letters, _post) = DeadLetters::new(topics, clock.clone());
        let ports = TopicFeedPorts { codec: codec.clone(), dead_letters: letters, hot, clock: clock.clone() };
        let symbols = std::iter::once(symbol).collect();
        let mut feed = TopicFeed::new(3, Box::new(Script(script.into())), symbols, ports, now);
        for expected in [trade(62, 11), trade(63, 1)] {
            assert_eq!(feed.next().await, Ok(MarketEvent::Trade(expected)));
        }
    }
}
