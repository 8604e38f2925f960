//! How fast records go to a topic and come from it, by topic and setting: for `cargo xtask bench --kafka`.
//!
//! Takes `VELOX_TEST_KAFKA_BROKERS`, a number of records, and prints a line a setting: its name, records a second to the
//! topic, records a second from it, and bytes a record on the way.

#![expect(clippy::float_arithmetic, clippy::print_stdout, reason = "figures for people")]

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use velox_kafka::{Begin, Cleanup, Compression, KafkaCluster, KafkaOptions, KafkaProducer, TopicSpec, read_topic};
use velox_kernel::{BusRecord, Clock, EventBus};
use velox_messages::{Codec, Format, Formats, MarketData, MarketStep, MarketTold, Topic, TopicNames};
use velox_testkit::TestClock;
use velox_testkit::market::sample_trade;
use velox_testkit::messages::MemoryRegistry;

/// Records that are handed over together: as the relay does, and the market's publication at its busiest.
const AT_ONCE: usize = 1_000;
/// Messages in Avro, as a release wrote them.
const OTHERS: [(Topic, &str); 6] = [
    (Topic::Orders, include_str!("../../../crates/messages/tests/golden/v1/orders.avro.hex")),
    (Topic::Positions, include_str!("../../../crates/messages/tests/golden/v1/positions.avro.hex")),
    (Topic::Alerts, include_str!("../../../crates/messages/tests/golden/v1/alerts.avro.hex")),
    (Topic::Indicators, include_str!("../../../crates/messages/tests/golden/v1/indicators.avro.hex")),
    (Topic::Signals, include_str!("../../../crates/messages/tests/golden/v1/signals.avro.hex")),
    (Topic::Strategies, include_str!("../../../crates/messages/tests/golden/v1/strategies.avro.hex")),
];

type Anything<T> = Result<T, Box<dyn Error>>;

/// What is measured together.
struct Setting {
    name: String,
    topic: Topic,
    value: Bytes,
    options: KafkaOptions,
}

#[tokio::main]
async fn main() -> Anything<()> {
    let brokers = std::env::var("VELOX_TEST_KAFKA_BROKERS")?;
    let count: usize = std::env::args().nth(1).ok_or("how many records?")?.parse()?;
    for (number, setting) in settings(&brokers).await?.into_iter().enumerate() {
        let topic = format!("rates-{}-{number}", std::process::id());
        let (sent, read, bytes) = measure(&setting, &topic, count).await?;
        println!("{}\t{sent:.0}\t{read:.0}\t{bytes}\t{}", setting.name, setting.topic.as_str());
    }
    Ok(())
}

async fn settings(brokers: &str) -> Anything<Vec<Setting>> {
    let usual = KafkaOptions::new(brokers);
    let (avro, json) = (trade(Format::Avro).await?, trade(Format::Json).await?);
    let setting = |name: &str, topic, value: &Bytes, options: KafkaOptions| Setting {
        name: name.to_owned(),
        topic,
        value: value.clone(),
        options,
    };
    let compressed = |compression| KafkaOptions { compression, ..usual.clone() };
    let lingering = |linger| KafkaOptions { linger: Duration::from_millis(linger), ..usual.clone() };
    let mut settings = vec![
        setting("market-data, Avro, lz4, linger 0 (the defaults)", Topic::MarketData, &avro, usual.clone()),
        setting("market-data, JSON, lz4", Topic::MarketData, &json, usual.clone()),
        setting("market-data, Avro, none", Topic::MarketData, &avro, compressed(Compression::None)),
        setting("market-data, Avro, zstd", Topic::MarketData, &avro, compressed(Compression::Zstd)),
        setting("market-data, Avro, snappy", Topic::MarketData, &avro, compressed(Compression::Snappy)),
        setting("market-data, Avro, gzip", Topic::MarketData, &avro, compressed(Compression::Gzip)),
        setting("market-data, Avro, lz4, linger 5 ms", Topic::MarketData, &avro, lingering(5)),
        setting("market-data, Avro, lz4, linger 20 ms", Topic::MarketData, &avro, lingering(20)),
    ];
    for (topic, golden) in OTHERS {
        let value = Bytes::from(longest_record(golden)?);
        settings.push(setting(&format!("{topic}, Avro, lz4"), topic, &value, usual.clone()));
    }
    Ok(settings)
}

/// A trade as it stands on its topic.
async fn trade(format: Format) -> Anything<Bytes> {
    let clock = std::sync::Arc::new(TestClock::default());
    let registry = std::sync::Arc::new(MemoryRegistry::default());
    let codec = Codec::new(TopicNames::new("rates")?, Formats::all(format), Some(registry), clock.clone())?;
    codec.register(&Topic::ALL).await?;
    let event = velox_market::MarketEvent::Trade(sample_trade("BTC-PERP", clock.now(), 1, 40_000));
    let step = MarketStep { epoch: 1, offset: 1, told: MarketTold::Event { event, closed: vec![], growing: None } };
    Ok(codec.encode(&MarketData::from(&step))?)
}

/// The longest of some records in hexadecimal digits.
fn longest_record(text: &str) -> Anything<Vec<u8>> {
    let digits = text.split_whitespace().max_by_key(|word| word.len()).ok_or("no record")?;
    let byte = |place: usize| u8::from_str_radix(&digits[place..place + 2], 16);
    Ok((0..digits.len() / 2).map(|place| byte(place * 2)).collect::<Result<_, _>>()?)
}

async fn measure(setting: &Setting, topic: &str, count: usize) -> Anything<(f64, f64, usize)> {
    let Setting { value, options, .. } = setting;
    let spec = TopicSpec {
        name: topic.to_owned(),
        partitions: 4,
        replication: 1,
        min_in_sync: 1,
        // The records are of the past, and a broker would take them away.
        retention: None,
        cleanup: Cleanup::Delete,
    };
    KafkaCluster::new(options)?.prepare(&[spec]).await?;
    let producer = KafkaProducer::new(options.clone());
    let at = TestClock::default().now();
    let record = |number: usize| BusRecord {
        topic: topic.to_owned(),
        key: format!("key-{}", number % 256),
        value: value.clone(),
        headers: vec![("ce_id", format!("{topic}-{number}"))],
        at,
    };
    // The first call finds the partitions' leaders.
    producer.publish(&[record(0)]).await?;
    let began = Instant::now();
    for first in (0..count).step_by(AT_ONCE) {
        let records: Vec<_> = (first..(first + AT_ONCE).min(count)).map(record).collect();
        producer.publish(&records).await?;
    }
    let sent = per_second(count, began);
    let began = Instant::now();
    let mut reader = read_topic(options, topic, Begin::Oldest).await?;
    for _ in 0..=count {
        reader.next().await.ok_or("the reader has ended")?;
    }
    Ok((sent, per_second(count, began), value.len()))
}

fn per_second(count: usize, began: Instant) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / began.elapsed().as_secs_f64()
}
