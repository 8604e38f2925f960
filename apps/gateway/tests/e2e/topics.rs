//! Topics that are not as they should be, and a way to them that swallows answers.

use tokio::runtime::Runtime;
use velox_crypto::SystemClock;
use velox_kafka::KafkaProducer;
use velox_kernel::{BusRecord, Clock, EventBus};
use velox_market::MarketEvent;
use velox_messages::{MarketData, MarketStep, MarketTold, Topic};
use velox_testkit::market::sample_trade;

use crate::audit::{Books, text};
use crate::database::Syncs;
use crate::installation::Installation;
use crate::kafka::{OwnKafka, Topics};
use crate::server::Server;
use crate::story::{market, wait_until};
use crate::swallower::Swallower;
use crate::waiting::{PATIENCE, wait_for};

#[test]
fn a_topic_whose_schema_is_another_ones_is_in_no_other_topics_way() {
    let topics = Topics::new();
    topics.take_the_schema_of(Topic::Signals);
    let installation = Installation::on_postgres(Syncs::Off);
    let server = Server::start(topics.configure(&mut installation.serve()));
    let mut api = installation.trader(&server);
    let account = api.account();
    let order = text(&api.place(&market(&account, "one")), "id").to_owned();
    wait_until(&mut api, &order, "filled");
    let books = Books::at_rest(&mut api, &account);
    topics.hold(&books, &account);
    let health = api.get("/health");
    let parts = health["components"].as_array().unwrap();
    let kafka = parts.iter().find(|part| part["name"] == "kafka").unwrap();
    assert_eq!(kafka["status"], "degraded", "{health}");
    assert!(kafka.to_string().contains("signals cannot be written"), "{health}");
    server.stop();
}

/// A client that waits for an answer that is lost waits for ever, unless somebody bounds it.
#[test]
fn a_market_whose_way_swallowed_an_answer_goes_on() {
    let (kafka, way) = OwnKafka::behind(Swallower::start, |way| &way.entry);
    let topics = Topics::on(&way.entry);
    let installation = Installation::on_sqlite();
    let server = Server::start(topics.configure(installation.serve().args(["--set", "market.feed=topic"])));
    let mut api = installation.client(&server);
    let (runtime, codec) = (Runtime::new().unwrap(), topics.codec());
    runtime.block_on(codec.register(&[Topic::MarketData])).unwrap();
    let epoch = u64::try_from(SystemClock.now().micros()).unwrap();
    let tell = |offset: u64, price: i32| {
        let mut trade = sample_trade("BTC-PERP", SystemClock.now(), offset, price);
        trade.cursor.epoch = epoch;
        let (at, event) = (trade.at, MarketEvent::Trade(trade));
        let told = MarketTold::Event { event, closed: vec![], growing: None };
        let record = codec.record(&MarketData::from(&MarketStep { epoch, offset, told }), None).unwrap();
        let topic = codec.names().topic(record.topic);
        let record = BusRecord { topic, key: record.key, value: record.value, headers: record.headers, at };
        // Of its own each time: it has no connection on which an answer is lost.
        runtime.block_on(KafkaProducer::new(topics.options()).publish(&[record])).unwrap();
    };
    let mut until = |price: &str| {
        wait_for("the price", PATIENCE, || {
            let quote = api.call("GET", "/v1/market-data/quotes/BTC-PERP", None).unwrap();
            (quote.status == 200 && quote.body["last"] == price).then_some(())
        });
    };
    wait_for("the topic", PATIENCE, || topics.has_market().then_some(()));
    tell(1, 100);
    until("100");
    way.swallow();
    tell(2, 101);
    until("101");
    server.stop();
    drop(kafka);
}
