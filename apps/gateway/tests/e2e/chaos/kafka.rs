//! An installation that is split into roles around Kafka, of which everything but the gateway that clients are at fails in
//! turn, and no client sees any of it: brokers of three that are killed, a cluster that hangs, processes of each role that
//! are killed, that stand still and wake up, that come and go. An account that is let trade again and again is halted each
//! time. Afterwards the books agree at every gateway, nothing was done twice, and every event is on its topics, the first
//! occurrences in order.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::round::Scene;
use super::{campaign, is_full};
use crate::api::Api;
use crate::audit::{Books, text};
use crate::database::Syncs;
use crate::installation::Installation;
use crate::kafka::{OwnKafka, Topics};
use crate::risk::{Loser, until_worked_off};
use crate::server::Server;
use crate::side_by_side::{metric, said_of};
use crate::socket::Socket;
use crate::story::{market, resting};
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
}

/// The roles of which there are two processes each.
const ROLES: [&str; 5] = ["execution", "relay", "market-data", "risk", "gateway"];
const EXECUTION: usize = 0;
const RELAY: usize = 1;
const MARKET_DATA: usize = 2;
const RISK: usize = 3;
/// Besides the one that clients are at.
const GATEWAY: usize = 4;

/// Each of them happens before any comes again. A campaign of the usual length has no time for all: the kills come early.
const FAULTS: [Fault; 17] = [
    Fault::KillBroker,
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
    Fault::Freeze(GATEWAY),
    Fault::Freeze(MARKET_DATA),
    Fault::Grow(RELAY),
    Fault::Grow(MARKET_DATA),
    Fault::Grow(RISK),
    Fault::Grow(GATEWAY),
];

/// A split installation.
struct Split {
    installation: Installation,
    topics: Topics,
    /// The one that clients are at.
    gateway: Server,
    /// Two of each role.
    workers: [[Option<Server>; 2]; ROLES.len()],
}

impl Split {
    fn start(kafka: &OwnKafka) -> Self {
        let topics = Topics::on(&kafka.brokers()).kept_on(BROKERS);
        let installation = Installation::on_postgres(Syncs::Off);
        let gateway = worker(&installation, &topics, "gateway");
        let workers = ROLES.map(|role| [(); 2].map(|()| Some(worker(&installation, &topics, role))));
        Self { installation, topics, gateway, workers }
    }

    fn start_another(&self, role: usize) -> Server {
        worker(&self.installation, &self.topics, ROLES[role])
    }
}

fn worker(installation: &Installation, topics: &Topics, roles: &str) -> Server {
    let mut command: Command = installation.serve();
    // A busy machine may take longer to miss somebody than orders usually wait to be routed.
    command.args(["--roles", roles, "--set", "trading.route_bound_ms=20000"]);
    Server::start(topics.configure(&mut command))
}

#[test]
fn nothing_about_kafka_is_seen_by_clients_or_lost() {
    campaign("kafka", Duration::from_secs(50), |round| {
        let mut kafka = OwnKafka::start(BROKERS);
        let mut split = Split::start(&kafka);
        let front = split.gateway.address;
        let api = split.installation.trader(&split.gateway);
        let account = split.installation.client(&split.gateway).account();
        let mut watched = split.installation.client(&split.gateway);
        let mut loser = Loser::begin(&mut watched, "loser");
        loser.limit(&mut watched);
        let played = round.unseen().play(front, api, |scene| {
            for number in 0.. {
                if !scene.goes_on() {
                    break;
                }
                scene.pass(200, 1_000);
                let number = if number < FAULTS.len() { number } else { chance(scene, FAULTS.len()) };
                let began = Instant::now();
                let mut halted = None;
                let mut resume = || halted = Some(loser.resume(&mut watched));
                split.suffer(FAULTS[number], &mut kafka, scene, &mut resume);
                say(&format!(
                    "{:?}, for {:?}; an account was halted after {halted:?}",
                    FAULTS[number],
                    began.elapsed()
                ));
            }
            let others = split.workers[GATEWAY].iter().flatten().map(|gateway| gateway.address);
            [front].into_iter().chain(others).collect()
        });
        assert_eq!(played.at_once, played.commands, "clients see nothing of it");
        let Split { installation, topics, gateway, workers } = split;
        topics.hold_all(&[(&played.books, &account), (&loser.books(&mut watched), &loser.account)]);
        until_worked_off(workers[RISK].iter().flatten());
        for server in workers.into_iter().flatten().flatten().chain([gateway]) {
            server.stop();
        }
        installation.verify();
    });
}

/// One broker is away, which is said, and then the whole cluster, for ten minutes, or twenty seconds in the usual tier:
/// whatever clients want is done, losses are watched though a watcher is killed and another one comes, and what happened
/// meanwhile is on its topics afterwards.
#[test]
fn everything_goes_on_while_kafka_is_away_for_long() {
    let away = Duration::from_secs(if is_full() { 600 } else { 20 });
    let mut kafka = OwnKafka::start(BROKERS);
    let mut split = Split::start(&kafka);
    let mut api = split.installation.trader(&split.gateway);
    let account = api.account();
    let mut watched = split.installation.client(&split.gateway);
    let mut losers = ["one", "two", "three"].map(|name| Loser::begin(&mut watched, name));
    for loser in &mut losers {
        loser.limit(&mut watched);
    }
    trade(&mut api, &account, 0..1);
    kafka_is(&mut watched, &split.gateway, "up", "");
    kafka.kill(0);
    kafka_is(&mut watched, &split.gateway, "degraded", "partitions miss a replica");
    let missed = || metric(&split.gateway, "velox_kafka_partitions_under_replicated");
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
        api = split.installation.new_client(&split.gateway);
        let until = away.min(began.elapsed() + SHIFT);
        let (last, took) = trade(&mut api, &account, (number + 1..).take_while(|_| began.elapsed() < until));
        (number, slowest) = (last, slowest.max(took));
    }
    watched = split.installation.new_client(&split.gateway);
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
    api = split.installation.new_client(&split.gateway);
    trade(&mut api, &account, number + 1..number + 2);
    let books = Books::at_rest(&mut api, &account);
    books.agree();
    let Split { installation, topics, gateway, workers } = split;
    let of_losers = losers.each_ref().map(|loser| (loser.books(&mut watched), loser.account.as_str()));
    let all: Vec<_> =
        of_losers.iter().map(|(books, account)| (books, *account)).chain([(&books, account.as_str())]).collect();
    topics.hold_all(&all);
    until_worked_off(workers[RISK].iter().flatten());
    for server in workers.into_iter().flatten().flatten().chain([gateway]) {
        server.stop();
    }
    installation.verify();
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

impl Split {
    /// Lets a fault happen, and `meanwhile` something, while what failed has not come back.
    fn suffer(&mut self, fault: Fault, kafka: &mut OwnKafka, scene: &mut Scene<'_>, meanwhile: &mut dyn FnMut()) {
        let (broker, victim) = (chance(scene, BROKERS), chance(scene, 2));
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
                self.workers[role][victim].take().expect("it runs").kill();
                scene.pass(200, 3_000);
                meanwhile();
                self.workers[role][victim] = Some(self.start_another(role));
            }
            Fault::Freeze(role) => {
                let frozen = self.workers[role][victim].as_ref().expect("it runs");
                frozen.freeze();
                scene.pass(4_000, 6_000);
                meanwhile();
                frozen.thaw();
            }
            Fault::Grow(role) => {
                let third = self.start_another(role);
                scene.pass(1_000, 2_000);
                meanwhile();
                third.stop();
            }
        }
    }
}
