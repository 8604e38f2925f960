//! An installation that is split into roles around Kafka, of which everything but the gateway that clients are at fails in
//! turn, and no client sees any of it: brokers of three that are killed, a cluster that hangs, processes of each role that
//! are killed, that stand still and wake up, that come and go, records that nobody can read, a registry that is away while
//! processes start. An account that is let trade again and again is halted each time. Afterwards the books agree at every
//! gateway, nothing was done twice, and every event is on its topics, the first occurrences in order.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use velox_kernel::AccountId;
use velox_messages::Topic;

use super::round::Scene;
use super::{campaign, is_full};
use crate::api::Api;
use crate::audit::{Books, text};
use crate::database::Syncs;
use crate::installation::Installation;
use crate::kafka::{OwnKafka, Topics};
use crate::own_registry::{OwnRegistry, Unavailable};
use crate::risk::Loser;
use crate::server::Server;
use crate::side_by_side::{metric, said_of};
use crate::socket::Socket;
use crate::stack::{EXECUTION, GATEWAY, MARKET_DATA, RELAY, RISK, Split};
use crate::story::{SYMBOL, market, resting};
use crate::waiting::{PATIENCE, say, wait_for};

/// Brokers of the cluster.
const BROKERS: usize = 3;

/// The least time of a round of orders while the cluster is away.
const PACE: Duration = Duration::from_millis(200);

/// How long a client trades until it signs in again: less than a token lives.
const SHIFT: Duration = Duration::from_secs(240);

/// What happens.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// `kill -9` of a broker, and a new start on its data.
    KillBroker,
    /// The whole cluster hangs, its connections open.
    Hang,
    /// `kill -9` of one of the two processes of a role, and a new start.
    Kill(usize),
    /// One of the two processes of a role is stopped for longer than the other one waits for it, and wakes up.
    Freeze(usize),
    /// A third process of a role comes, has its part, and goes in order.
    Grow(usize),
    /// Records that nobody can read come on each topic that Velox reads.
    Poison,
    /// `kill -9` of the registry and of a process of a role, which is started again without it; and a new start of the
    /// registry on its data.
    KillRegistry(usize),
    /// The same, while somebody answers 503 in the registry's place.
    RefuseRegistry(usize),
}

/// Each of them happens before any comes again. A campaign of the usual length has no time for all: the kills come early.
const FAULTS: [Fault; 22] = [
    Fault::KillBroker,
    Fault::Poison,
    Fault::KillRegistry(RELAY),
    Fault::RefuseRegistry(RISK),
    Fault::Freeze(RISK),
    Fault::Kill(EXECUTION),
    Fault::Kill(GATEWAY),
    Fault::Kill(MARKET_DATA),
    Fault::Kill(RISK),
    Fault::Kill(RELAY),
    Fault::Hang,
    Fault::Freeze(EXECUTION),
    Fault::Freeze(RELAY),
    Fault::Grow(EXECUTION),
    Fault::KillRegistry(MARKET_DATA),
    Fault::RefuseRegistry(RELAY),
    Fault::Freeze(GATEWAY),
    Fault::Freeze(MARKET_DATA),
    Fault::Grow(RELAY),
    Fault::Grow(MARKET_DATA),
    Fault::Grow(RISK),
    Fault::Grow(GATEWAY),
];

/// A split installation on a cluster of its own, and the gateway that clients are at; there are two besides it.
fn split_on(topics: Topics) -> (Split, Server) {
    let mut split = Split::new(topics.kept_on(BROKERS), 2);
    let gateway = split.start_another(GATEWAY);
    split.start_missing();
    (split, gateway)
}

#[test]
fn nothing_about_kafka_is_seen_by_clients_or_lost() {
    campaign("kafka", Duration::from_secs(60), |round| {
        let kafka = OwnKafka::start(BROKERS);
        let (topics, registry) = Topics::on(&kafka.brokers()).with_own_registry();
        let (split, gateway) = split_on(topics);
        let front = gateway.address;
        let api = split.installation.trader(&gateway);
        let account = split.installation.client(&gateway).account();
        let mut watched = split.installation.client(&gateway);
        let mut loser = Loser::begin(&mut watched, "loser");
        loser.limit(&mut watched);
        let mut stage = Stage { listener: Listener::start(&split.topics), split, kafka, registry, poisons: vec![] };
        let played = round.unseen().play(front, api, |scene| {
            for number in 0.. {
                if !scene.goes_on() {
                    break;
                }
                scene.pass(200, 1_000);
                let number = if number < FAULTS.len() { number } else { chance(scene, FAULTS.len()) };
                let began = Instant::now();
                let mut halted = None;
                let key = loser.account.parse::<AccountId>().unwrap().uuid().to_string();
                let mut resume = || halted = Some(loser.resume(&mut watched));
                stage.suffer(FAULTS[number], &key, scene, &mut resume);
                say(&format!(
                    "{:?}, for {:?}; an account was halted after {halted:?}",
                    FAULTS[number],
                    began.elapsed()
                ));
            }
            let others = stage.split.workers[GATEWAY].iter().flatten().map(|gateway| gateway.address);
            [front].into_iter().chain(others).collect()
        });
        assert_eq!(played.at_once, played.commands, "clients see nothing of it");
        let Stage { mut split, listener, registry, .. } = stage;
        registry.wait();
        split.topics.hold_all(&[(&played.books, &account), (&loser.books(&mut watched), &loser.account)]);
        listener.stop();
        gateway.stop();
        split.stop();
        split.installation.verify();
    });
}

/// One broker is away, which is said, and then the whole cluster, for ten minutes, or twenty seconds in the usual tier:
/// whatever clients want is done, losses are watched though a watcher is killed and another one comes, and what happened
/// meanwhile is on its topics afterwards.
#[test]
fn everything_goes_on_while_kafka_is_away_for_long() {
    let away = Duration::from_secs(if is_full() { 600 } else { 20 });
    let mut kafka = OwnKafka::start(BROKERS);
    let (mut split, gateway) = split_on(Topics::on(&kafka.brokers()));
    let mut api = split.installation.trader(&gateway);
    let account = api.account();
    let mut watched = split.installation.client(&gateway);
    let mut losers = ["one", "two", "three"].map(|name| Loser::begin(&mut watched, name));
    for loser in &mut losers {
        loser.limit(&mut watched);
    }
    trade(&mut api, &account, 0..1);
    kafka_is(&mut watched, &gateway, "up", "");
    kafka.kill(0);
    kafka_is(&mut watched, &gateway, "degraded", "partitions miss a replica");
    let missed = || metric(&gateway, "velox_kafka_partitions_under_replicated");
    wait_for("the missed replicas to be counted", PATIENCE, || (missed() > 0).then_some(()));
    (1..BROKERS).for_each(|broker| kafka.kill(broker));
    for place in [0, 1] {
        split.workers[RISK][place].take().expect("it runs").kill();
        let halted = losers.each_mut().map(|loser| loser.resume(&mut watched));
        say(&format!("without Kafka and one of two watchers, accounts were halted after {halted:?}"));
        split.workers[RISK][place] = Some(split.start_another(RISK));
    }
    let began = Instant::now();
    let (mut number, mut slowest) = (0, Duration::ZERO);
    while began.elapsed() < away {
        api = split.installation.new_client(&gateway);
        let until = away.min(began.elapsed() + SHIFT);
        let (last, took) = trade(&mut api, &account, (number + 1..).take_while(|_| began.elapsed() < until));
        (number, slowest) = (last, slowest.max(took));
    }
    watched = split.installation.new_client(&gateway);
    let behind = |split: &Split| -> u64 {
        split.workers[RELAY].iter().flatten().map(|relay| metric(relay, "velox_relay_behind_events")).sum()
    };
    let waiting = behind(&split);
    assert!(waiting > u64::from(number), "{waiting} events wait of {number} rounds");
    say(&format!("{number} rounds while Kafka was away, the slowest in {slowest:?}; {waiting} events wait"));
    kafka.start_again();
    let back = Instant::now();
    wait_for("the relays", away.max(PATIENCE), || (behind(&split) == 0).then_some(()));
    say(&format!("the relays have caught up {:?} after Kafka was back", back.elapsed()));
    api = split.installation.new_client(&gateway);
    trade(&mut api, &account, number + 1..number + 2);
    let books = Books::at_rest(&mut api, &account);
    books.agree();
    let of_losers = losers.each_ref().map(|loser| (loser.books(&mut watched), loser.account.as_str()));
    let all: Vec<_> =
        of_losers.iter().map(|(books, account)| (books, *account)).chain([(&books, account.as_str())]).collect();
    split.topics.hold_all(&all);
    gateway.stop();
    split.stop();
    split.installation.verify();
}

/// Waits until a gateway says that Kafka is so, in words that end with these.
fn kafka_is(api: &mut Api, gateway: &Server, status: &str, words: &str) {
    wait_for(&format!("Kafka to be {status}"), PATIENCE, || {
        let said = said_of(api, gateway, "kafka");
        let detail = said["detail"].as_str().unwrap_or_default();
        (said["status"] == status && detail.ends_with(words)).then_some(())
    });
}

/// Has an order filled and one cancelled for each of these numbers, and hears of it. Gives the last number, and how long the
/// slowest took.
fn trade(api: &mut Api, account: &str, numbers: impl Iterator<Item = u32>) -> (u32, Duration) {
    let mut socket = Socket::connect(api.address(), &api.token).unwrap();
    socket.follow("orders", account, 0).unwrap();
    socket.until("the subscription", |message| message["type"] == "subscribed");
    let (mut last, mut slowest) = (0, Duration::ZERO);
    for number in numbers {
        let began = Instant::now();
        // What is bought is sold again.
        let mut order = market(account, &format!("market-{number}"));
        order["side"] = json!(if number.is_multiple_of(2) { "buy" } else { "sell" });
        let filled = text(&api.place(&order), "id").to_owned();
        let rests = text(&api.place(&resting(account, &format!("rests-{number}"))), "id").to_owned();
        let mut told = socket.until("an order at work", |message| is_of(message, "order_acknowledged", &rests));
        let canceled = api.call("DELETE", &format!("/v1/orders/{rests}"), None).unwrap();
        assert!(canceled.status < 300, "{canceled:?}");
        for (kind, id) in [("order_filled", &filled), ("order_canceled", &rests)] {
            // It may have come before the one that was waited for.
            if !told.iter().any(|message| is_of(message, kind, id)) {
                told.extend(socket.until("its end", |message| is_of(message, kind, id)));
            }
        }
        // It may be filled in parts.
        wait_for("the whole fill", PATIENCE, || (api.order(&filled)["status"] == "filled").then_some(()));
        (last, slowest) = (number, slowest.max(began.elapsed()));
        // In no hurry, so that ten minutes leave books that can be read.
        while began.elapsed() < PACE {
            socket.catch_up();
        }
    }
    (last, slowest)
}

/// Whether a message is an event of this kind of an order.
fn is_of(message: &Value, kind: &str, order: &str) -> bool {
    message["type"] == kind && message["data"]["order_id"] == order
}

fn chance(scene: &mut Scene<'_>, bound: usize) -> usize {
    usize::try_from(scene.random.below(u64::try_from(bound).unwrap())).unwrap()
}

/// What fails.
struct Stage {
    kafka: OwnKafka,
    registry: OwnRegistry,
    split: Split,
    listener: Listener,
    /// The records that nobody can read, so far.
    poisons: Vec<Vec<u8>>,
}

impl Stage {
    /// Lets a fault happen, and `meanwhile` something, while what failed has not come back.
    fn suffer(&mut self, fault: Fault, key: &str, scene: &mut Scene<'_>, meanwhile: &mut dyn FnMut()) {
        let (broker, victim) = (chance(scene, BROKERS), chance(scene, 2));
        let Self { kafka, registry, split, .. } = self;
        match fault {
            Fault::KillBroker => {
                kafka.kill(broker);
                scene.pass(1_000, 3_000);
                meanwhile();
                kafka.start_again();
            }
            Fault::Hang => {
                kafka.freeze(true);
                scene.pass(1_000, 5_000);
                meanwhile();
                kafka.freeze(false);
            }
            Fault::Kill(role) => {
                split.workers[role][victim].take().expect("it runs").kill();
                scene.pass(200, 3_000);
                meanwhile();
                split.workers[role][victim] = Some(split.start_another(role));
            }
            Fault::Freeze(role) => {
                let frozen = split.workers[role][victim].as_ref().expect("it runs");
                frozen.freeze();
                scene.pass(4_000, 6_000);
                meanwhile();
                frozen.thaw();
            }
            Fault::Grow(role) => {
                let third = split.start_another(role);
                scene.pass(1_000, 2_000);
                meanwhile();
                third.stop();
            }
            Fault::Poison => self.poison(key, meanwhile),
            Fault::KillRegistry(role) | Fault::RefuseRegistry(role) => {
                registry.wait();
                registry.kill();
                split.workers[role][victim].take().expect("it runs").kill();
                let refuses = matches!(fault, Fault::RefuseRegistry(_));
                let unavailable = refuses.then(|| Unavailable::start(registry.address()));
                split.workers[role][victim] = Some(split.start_another(role));
                scene.pass(1_000, 3_000);
                meanwhile();
                drop(unavailable);
                registry.start_again();
            }
        }
    }

    /// Records without a form, and of a schema that no registry knows, come on each topic that Velox reads: they are put
    /// aside, and what follows them is heard.
    fn poison(&mut self, key: &str, meanwhile: &mut dyn FnMut()) {
        self.registry.wait();
        self.listener.hears();
        let number = u32::try_from(self.poisons.len()).unwrap();
        let formless = format!("no message at all, {number}").into_bytes();
        let of_unknown_schema = [&[0], i32::MAX.to_be_bytes().as_slice(), number.to_be_bytes().as_slice()].concat();
        let poisons = [formless, of_unknown_schema];
        let read = [(Topic::MarketData, SYMBOL), (Topic::Orders, key)];
        let everywhere = poisons.iter().flat_map(|poison| read.map(|(topic, key)| (topic, key, poison.as_slice())));
        self.split.topics.spoil(&everywhere.collect::<Vec<_>>());
        let began = Instant::now();
        meanwhile();
        self.listener.hears();
        let heard = began.elapsed();
        self.poisons.extend(poisons);
        for (topic, _) in read {
            self.split.topics.put_aside(topic, &self.poisons);
        }
        say(&format!(
            "what followed the poison was heard within {heard:?}, it was put aside within {:?}",
            began.elapsed()
        ));
    }
}

/// Another installation, whose market is what the one that suffers tells.
struct Listener {
    installation: Installation,
    server: Server,
}

impl Listener {
    fn start(topics: &Topics) -> Self {
        let installation = Installation::on_postgres(Syncs::Off);
        let mut command = installation.serve();
        command.args(["--roles", "gateway,market-data", "--set", "market.feed=topic"]);
        let server = Server::start(topics.configure(&mut command));
        Self { installation, server }
    }

    /// Returns once it has heard a price that is newer than this call.
    fn hears(&self) {
        let mut api = self.installation.trader(&self.server);
        let mut at = || api.get(&format!("/v1/market-data/quotes/{SYMBOL}"))["at"].clone();
        let before = at();
        wait_for("a newer price", PATIENCE, || (at() != before).then_some(()));
    }

    fn stop(self) {
        self.server.stop();
        self.installation.verify();
    }
}
