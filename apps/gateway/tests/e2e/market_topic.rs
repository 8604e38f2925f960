//! A market of many symbols that comes by a topic: two processes share it, and one that is killed, stands still or comes
//! late loses no tick and counts none twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::runtime::Runtime;
use velox_crypto::SystemClock;
use velox_kafka::{KafkaCluster, KafkaProducer};
use velox_kernel::{BusRecord, Clock, Decimal, EventBus, Price};
use velox_market::{MarketEvent, Trade};
use velox_messages::{MarketData, MarketStep, MarketTold, Topic};
use velox_testkit::market::sample_trade;

use crate::api::Api;
use crate::audit::text;
use crate::database::Syncs;
use crate::installation::Installation;
use crate::kafka::Topics;
use crate::server::Server;
use crate::side_by_side::shards;
use crate::socket::{Heard, Socket};
use crate::waiting::{PATIENCE, say, wait_for};

const SYMBOLS: usize = 24;
/// Instruments like the bundled one, by other names.
const INSTRUMENTS: &str = "INSERT INTO instruments SELECT 'S' || lpad(n::text, 4, '0'), 'Symbol ' || n, \
    's' || lpad(n::text, 4, '0') || ' symbol ' || n, asset_class, base, quote, tick, lot, min_quantity, min_notional, \
    volume_unit, session, status FROM instruments, generate_series(0, 23) n WHERE symbol = 'BTC-PERP'";
/// Between two rounds of ticks.
const EVERY: Duration = Duration::from_millis(200);
/// Rounds after which a change counts as survived.
const ROUNDS: u64 = 10;
/// The price of the first round; each next one is one higher.
const FIRST_PRICE: u64 = 1_000;
/// The market's parts.
const PARTS: u64 = 12;

/// Writes a trade of one unit of each symbol in each round.
struct Writer {
    ends: Arc<AtomicBool>,
    rounds: Arc<AtomicU64>,
    running: JoinHandle<()>,
}

impl Writer {
    fn start(topics: &Topics, symbols: &[String]) -> Self {
        let (ends, rounds) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (producer, codec) = (KafkaProducer::new(topics.options()), topics.codec());
        let (cluster, runtime) = (KafkaCluster::new(&topics.options()).unwrap(), Runtime::new().unwrap());
        let topic = codec.names().topic(Topic::MarketData);
        wait_for("the topic", PATIENCE, || runtime.block_on(cluster.partitions(&topic)).ok().flatten());
        runtime.block_on(codec.register(&[Topic::MarketData])).unwrap();
        let (symbols, is_over, done) = (symbols.to_vec(), Arc::clone(&ends), Arc::clone(&rounds));
        let writing = async move {
            let epoch = u64::try_from(SystemClock.now().micros()).unwrap();
            let mut tick = tokio::time::interval(EVERY);
            for round in 0.. {
                tick.tick().await;
                if is_over.load(Ordering::Acquire) {
                    return;
                }
                let price = Price::new(Decimal::from_int(i32::try_from(FIRST_PRICE + round).unwrap()));
                let records = symbols.iter().zip(1..).map(|(symbol, place)| {
                    let offset = round * u64::try_from(SYMBOLS).unwrap() + place;
                    let mut trade = Trade { price, ..sample_trade(symbol, SystemClock.now(), offset, 1) };
                    trade.cursor.epoch = epoch;
                    let told = MarketTold::Event { event: MarketEvent::Trade(trade), closed: vec![], growing: None };
                    let record = codec.record(&MarketData::from(&MarketStep { epoch, offset, told }), None).unwrap();
                    let topic = codec.names().topic(record.topic);
                    BusRecord { topic, key: record.key, value: record.value, headers: record.headers, at: trade.at }
                });
                producer.publish(&records.collect::<Vec<_>>()).await.unwrap();
                done.store(round + 1, Ordering::Release);
            }
        };
        let running = std::thread::spawn(move || runtime.block_on(writing));
        Self { ends, rounds, running }
    }

    fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::Acquire)
    }

    /// Ends, and says how many rounds there were.
    fn stop(self) -> u64 {
        self.ends.store(true, Ordering::Release);
        self.running.join().unwrap();
        self.rounds.load(Ordering::Acquire)
    }
}

/// A client of a gateway, and the newest round that it has heard of each symbol.
struct Listener {
    socket: Socket,
    newest: BTreeMap<String, u64>,
}

impl Listener {
    fn connect(server: &Server, api: &Api, symbols: &[String]) -> Self {
        let mut socket = Socket::connect(server.address, &api.token).unwrap();
        socket.send(&json!({ "op": "subscribe", "channel": "market-data", "symbols": symbols })).unwrap();
        socket.until("the subscription", |message| message["type"] == "subscribed");
        Self { socket, newest: BTreeMap::new() }
    }

    /// Takes what has come; whether it has heard of so many rounds of every symbol.
    fn has_heard(&mut self, rounds: u64) -> bool {
        loop {
            let message = match self.socket.hear() {
                Heard::Message(message) => message,
                Heard::Silence => break,
                other => panic!("{other:?}"),
            };
            if message["type"] == "trade" {
                let price: u64 = text(&message["data"], "price").parse().unwrap();
                let round = price - FIRST_PRICE + 1;
                let before = self.newest.insert(text(&message, "symbol").to_owned(), round);
                assert!(before.is_none_or(|before| before < round), "after {before:?}: {message}");
            }
        }
        self.newest.len() == SYMBOLS && self.newest.values().all(|newest| *newest >= rounds)
    }
}

/// Waits until every listener has heard what is written from now on.
fn until_heard(what: &str, listeners: &mut [Listener; 2], writer: &Writer) {
    let (began, rounds) = (Instant::now(), writer.rounds() + ROUNDS);
    loop {
        let heard = listeners.each_mut().map(|listener| listener.has_heard(rounds));
        if heard == [true; 2] {
            break;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "{what}: {:?}",
            listeners.iter().map(|one| &one.newest).collect::<Vec<_>>()
        );
    }
    say(&format!("{what}: {ROUNDS} rounds were heard after {:?}", began.elapsed()));
}

fn until_has(server: &Server, parts: u64) {
    wait_for("its part of the market", PATIENCE, || (shards(server, "market-data") == parts).then_some(()));
}

#[test]
fn a_market_of_many_symbols_is_shared_and_no_tick_of_it_is_lost_or_counted_twice() {
    let (installation, topics) = (Installation::on_postgres(Syncs::Off), Topics::new());
    installation.start().stop();
    installation.database().sql().run(INSTRUMENTS);
    let symbols: Vec<String> = (0..SYMBOLS).map(|number| format!("S{number:04}")).collect();
    let role = |role: &str| {
        let mut command = installation.serve();
        command.args(["--roles", role, "--set", "market.feed=topic"]);
        Server::start(topics.configure(&mut command))
    };
    let gateways = [role("gateway"), role("gateway")];
    let first = role("market-data");
    until_has(&first, PARTS);
    let second = role("market-data");
    for server in [&first, &second] {
        until_has(server, PARTS / 2);
    }
    let mut api = installation.client(&gateways[0]);
    let mut listeners = gateways.each_ref().map(|gateway| Listener::connect(gateway, &api, &symbols));
    let writer = Writer::start(&topics, &symbols);
    until_heard("two processes", &mut listeners, &writer);
    first.kill();
    until_heard("one of them was killed", &mut listeners, &writer);
    until_has(&second, PARTS);
    let third = role("market-data");
    for server in [&second, &third] {
        until_has(server, PARTS / 2);
    }
    until_heard("another one has come", &mut listeners, &writer);
    second.freeze();
    until_heard("one stands still", &mut listeners, &writer);
    until_has(&third, PARTS);
    second.thaw();
    for server in [&second, &third] {
        until_has(server, PARTS / 2);
    }
    until_heard("it goes on", &mut listeners, &writer);
    second.stop();
    until_has(&third, PARTS);
    until_heard("one has ended in order", &mut listeners, &writer);

    let rounds = writer.stop();
    for gateway in &gateways {
        api.move_to(gateway.address);
        for symbol in &symbols {
            let mut seen = 0;
            let counted = wait_for(&format!("{rounds} trades of {symbol} in candles"), PATIENCE, || {
                let minutes = api.list(&format!("/v1/market-data/candles/{symbol}?timeframe=1m"));
                let counted = minutes.iter().map(|minute| minute["trades"].as_u64().unwrap()).sum::<u64>();
                if std::mem::replace(&mut seen, counted) != counted {
                    say(&format!("{symbol}: {counted} of {rounds} trades are in candles"));
                }
                (counted >= rounds).then_some(counted)
            });
            assert_eq!(counted, rounds, "{symbol}");
        }
    }
    third.stop();
    gateways.into_iter().for_each(Server::stop);
    installation.verify();
}
