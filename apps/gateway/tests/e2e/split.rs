//! An installation that is split into roles around PostgreSQL and Kafka.

use std::collections::BTreeSet;

use velox_messages::Topic;
use velox_messages::headers::{CONTENT_TYPE_AVRO, CONTENT_TYPE_JSON};

use crate::audit::{Books, text};
use crate::database::Syncs;
use crate::installation::Installation;
use crate::kafka::{OwnKafka, Topics};
use crate::risk::{Loser, until_worked_off};
use crate::server::Server;
use crate::side_by_side::{has_feed, said_of, shards};
use crate::socket::Socket;
use crate::story::{market, resting, wait_until};
use crate::waiting::{PATIENCE, wait_for};

/// Orders of a round.
const ORDERS: usize = 12;
/// How long Kafka may take to answer where nobody may wait for it: whoever did would have no answer in a client's time.
const LONG_MS: &str = "120000";

/// Starts a process that plays some roles.
fn role(installation: &Installation, topics: &Topics, roles: &str) -> Server {
    Server::start(topics.configure(installation.serve().args(["--roles", roles])))
}

/// Waits until processes of a role have as many shards of its work each.
fn until_shared<'a>(role: &str, servers: impl IntoIterator<Item = &'a Server>, each: u64) {
    let servers: Vec<&Server> = servers.into_iter().collect();
    let what = format!("the processes of {role} to share the work");
    wait_for(&what, PATIENCE, || servers.iter().all(|server| shards(server, role) == each).then_some(()));
}

#[test]
fn roles_in_processes_of_their_own_do_what_one_does() {
    let (installation, topics) = (Installation::on_postgres(Syncs::Off), Topics::new());
    let gateways = [role(&installation, &topics, "gateway"), role(&installation, &topics, "gateway")];
    let mut executors = [(); 2].map(|()| Some(role(&installation, &topics, "execution")));
    let mut markets = [(); 2].map(|()| Some(role(&installation, &topics, "market-data")));
    let mut watchers = [(); 2].map(|()| Some(role(&installation, &topics, "risk")));
    let mut relays: Vec<Server> = (0..2).map(|_| role(&installation, &topics, "relay")).collect();
    // Who serves no clients says how it is, and nothing else.
    for other in executors.iter().chain(&markets).chain(&watchers).flatten().chain(&relays) {
        let mut api = installation.client(&gateways[0]);
        api.move_to(other.address);
        assert_eq!(api.call("GET", "/health", None).unwrap().status, 200);
        assert_eq!(api.call("GET", "/v1/orders", None).unwrap().status, 404);
    }
    until_shared("relay", &relays, 2);
    until_shared("execution", executors.iter().flatten(), 16);
    until_shared("risk", watchers.iter().flatten(), 2);
    let mut api = installation.trader(&gateways[0]);
    let account = api.account();
    let mut losers = ["one", "two", "three"].map(|name| Loser::begin(&mut api, name));
    for loser in &mut losers {
        loser.limit(&mut api);
    }
    let mut socket = Socket::connect(gateways[1].address, &api.token).unwrap();
    socket.follow("orders", &account, 0).unwrap();
    socket.until("the subscription", |message| message["type"] == "subscribed");
    for number in 0..ORDERS {
        api.move_to(gateways[number % 2].address);
        let order = text(&api.place(&market(&account, &format!("split-{number}"))), "id").to_owned();
        socket.until("the fill", |message| message["type"] == "order_filled" && message["data"]["order_id"] == *order);
        if number == ORDERS / 4 {
            relays.remove(0).kill();
        }
        if number == ORDERS / 2 {
            // The account is one of the two's. Both are killed, the second one once there is another.
            executors[0].take().expect("it runs").kill();
            executors[0] = Some(role(&installation, &topics, "execution"));
        }
        if number == ORDERS / 2 + 1 {
            until_shared("execution", executors.iter().flatten(), 16);
            executors[1].take().expect("it runs").kill();
        }
        if number == ORDERS / 3 {
            watchers[0].take().expect("it runs").kill();
            for loser in &mut losers {
                loser.resume(&mut api);
            }
        }
        if number == 3 * ORDERS / 4 {
            let works =
                markets.iter().position(|server| server.as_ref().is_some_and(has_feed)).expect("one has the feed");
            markets[works].take().expect("it runs").kill();
        }
    }
    until_shared("execution", executors.iter().flatten(), 32);
    let rest = text(&api.place(&resting(&account, "rest")), "id").to_owned();
    wait_until(&mut api, &rest, "new");
    api.call("DELETE", &format!("/v1/orders/{rest}"), None).unwrap();
    wait_until(&mut api, &rest, "canceled");
    let books = Books::at_rest(&mut api, &account);
    books.agree();
    let of_losers = losers.each_ref().map(|loser| (loser.books(&mut api), loser.account.as_str()));
    let all: Vec<_> =
        of_losers.iter().map(|(books, account)| (books, *account)).chain([(&books, account.as_str())]).collect();
    topics.hold_all(&all);
    until_shared("risk", watchers.iter().flatten(), 4);
    until_worked_off(watchers.iter().flatten());
    until_shared("relay", &relays, 4);
    for server in
        relays.into_iter().chain(executors.into_iter().chain(markets).chain(watchers).flatten()).chain(gateways)
    {
        server.stop();
    }
    installation.verify();
}

#[test]
fn the_market_may_come_from_another_processor_and_a_record_that_is_none_is_put_aside() {
    let topics = Topics::new();
    let (theirs, ours) = (Installation::on_sqlite(), Installation::on_sqlite());
    let processor = Server::start(topics.configure(&mut theirs.serve()));
    let server = Server::start(topics.configure(ours.serve().args(["--set", "market.feed=topic"])));
    let mut api = ours.trader(&server);
    let account = api.account();
    let buy = |api: &mut crate::api::Api, name: &str| {
        let order = text(&api.place(&market(&account, name)), "id").to_owned();
        wait_until(api, &order, "filled");
    };
    buy(&mut api, "before");
    let poison = b"no message at all".to_vec();
    topics.spoil(&[(Topic::MarketData, "BTC-PERP", &poison)]);
    topics.put_aside(Topic::MarketData, &[poison]);
    buy(&mut api, "after");
    // The processor is gone: prices grow old, and orders are denied for it.
    processor.kill();
    wait_for("the market to be stale", PATIENCE, || {
        let quote = api.get("/v1/market-data/quotes/BTC-PERP");
        (quote["stale"] == true).then_some(())
    });
    // Told with the next look at the sources, which one that is back before it is never told of.
    wait_for("that to be told", PATIENCE, || (topics.alerts_of("BTC-PERP") == ["feed_stale"]).then_some(()));
    let again = Server::start(topics.configure(&mut theirs.serve()));
    wait_for("the market to be back", PATIENCE, || {
        let quote = api.get("/v1/market-data/quotes/BTC-PERP");
        (quote["stale"] == false).then_some(())
    });
    buy(&mut api, "again");
    wait_for("both to be told", PATIENCE, || {
        (topics.alerts_of("BTC-PERP") == ["feed_stale", "feed_recovered"]).then_some(())
    });
    let books = Books::at_rest(&mut api, &account);
    books.agree();
    topics.hold(&books, &account);
    again.stop();
    server.stop();
    ours.verify();
}

#[test]
fn nobody_waits_for_a_kafka_that_is_away_or_hangs() {
    let mut kafka = OwnKafka::start(1);
    let topics = Topics::on(&kafka.brokers());
    let installation = Installation::on_postgres(Syncs::Off);
    kafka.kill(0);
    // It starts and is ready without it.
    let server = Server::start(topics.configure(&mut installation.serve()).env("VELOX_KAFKA_TIMEOUT_MS", LONG_MS));
    let mut api = installation.trader(&server);
    let account = api.account();
    let trade = |api: &mut crate::api::Api, name: &str| {
        let order = text(&api.place(&market(&account, name)), "id").to_owned();
        wait_until(api, &order, "filled");
        let rest = text(&api.place(&resting(&account, &format!("{name}-rest"))), "id").to_owned();
        wait_until(api, &rest, "new");
        api.call("DELETE", &format!("/v1/orders/{rest}"), None).unwrap();
        wait_until(api, &rest, "canceled");
    };
    let health = |api: &mut crate::api::Api| {
        let kafka = said_of(api, &server, "kafka");
        assert_eq!(kafka["required"], false);
        text(&kafka, "status").to_owned()
    };
    trade(&mut api, "away");
    assert_eq!(health(&mut api), "down");
    kafka.start_again();
    let books = Books::at_rest(&mut api, &account);
    topics.hold(&books, &account);
    wait_for("Kafka to be well", PATIENCE, || (health(&mut api) == "up").then_some(()));
    // One that answers nothing any more, and does not close.
    kafka.freeze(true);
    trade(&mut api, "hangs");
    kafka.freeze(false);
    trade(&mut api, "goes-on");
    let books = Books::at_rest(&mut api, &account);
    books.agree();
    topics.hold(&books, &account);
    server.stop();
    installation.verify();
}

#[test]
fn each_topic_is_written_as_it_is_configured() {
    let (installation, topics) = (Installation::on_sqlite(), Topics::new());
    let server = Server::start(topics.configure(installation.serve().args(["--set", "kafka.json_topics=positions"])));
    let mut api = installation.trader(&server);
    let account = api.account();
    let order = text(&api.place(&market(&account, "written")), "id").to_owned();
    wait_until(&mut api, &order, "filled");
    let books = Books::at_rest(&mut api, &account);
    books.agree();
    topics.hold(&books, &account);
    assert_eq!(topics.written(Topic::Positions), BTreeSet::from([CONTENT_TYPE_JSON]));
    assert_eq!(topics.written(Topic::Orders), BTreeSet::from([CONTENT_TYPE_AVRO]));
    server.stop();
    installation.verify();
}

/// What it tells, and what others tell it, goes over connections that are encrypted, to a cluster that knows who speaks.
#[test]
fn a_cluster_that_encrypts_and_asks_who_speaks_is_spoken_to() {
    let (kafka, mechanisms) = OwnKafka::guarded();
    let topics = Topics::on(&kafka.brokers());
    let [plainly, by_scram, by_longer_scram] = mechanisms.each_ref().map(|security| topics.speaking_as(security));
    let (theirs, ours) = (Installation::on_sqlite(), Installation::on_sqlite());
    let processor = Server::start(plainly.configure(&mut theirs.serve()));
    // Its market comes by the topic, which another client reads than the one that writes.
    let server = Server::start(by_longer_scram.configure(ours.serve().args(["--set", "market.feed=topic"])));
    let mut api = ours.trader(&server);
    let account = api.account();
    let order = text(&api.place(&market(&account, "guarded")), "id").to_owned();
    wait_until(&mut api, &order, "filled");
    let books = Books::at_rest(&mut api, &account);
    books.agree();
    by_scram.hold(&books, &account);
    // A stranger is told so, and trades all the same.
    let strangers = Topics::on(&kafka.brokers());
    let elsewhere = Installation::on_sqlite();
    let stranger = Server::start(strangers.configure(&mut elsewhere.serve()));
    let mut api = elsewhere.trader(&stranger);
    let account = api.account();
    let order = text(&api.place(&market(&account, "stranger")), "id").to_owned();
    wait_until(&mut api, &order, "filled");
    let health = api.get("/health");
    let parts = health["components"].as_array().unwrap();
    assert!(parts.iter().any(|part| part["name"] == "kafka" && part["status"] == "down"), "{health}");
    for server in [stranger, server, processor] {
        server.stop();
    }
}
