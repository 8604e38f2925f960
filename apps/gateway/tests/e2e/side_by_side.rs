//! Two gateways that serve one user: requests, sockets and limits on either, with and without Redis.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};
use velox_kafka::partition_of;
use velox_testkit::OwnRedis;

use crate::api::Api;
use crate::audit::{Books, text};
use crate::database::Syncs;
use crate::installation::Installation;
use crate::server::Server;
use crate::socket::{Heard, Socket};
use crate::story::{SYMBOL, market, resting, wait_until};
use crate::waiting::{PATIENCE, wait_for};

/// Whether a process has the feed of the demo's instrument.
pub(crate) fn has_feed(server: &Server) -> bool {
    // The market's parts are as the partitions of a topic of twelve.
    let part = partition_of(SYMBOL.as_bytes(), 12);
    metric(server, &format!("velox_market_feed{{part=\"{part}\"}}")) == 1
}
/// Orders of a round.
const ORDERS: usize = 12;
/// Market messages that are compared.
const MESSAGES: usize = 20;

/// One of two gateways.
fn gateway(installation: &Installation, redis: Option<&OwnRedis>) -> Server {
    Server::start(&mut serve(installation, redis))
}

fn serve(installation: &Installation, redis: Option<&OwnRedis>) -> Command {
    let mut command = installation.serve();
    command.args(["--set", "limits.gateways=2"]);
    if let Some(redis) = redis {
        command.env("VELOX_REDIS_URL", redis.url());
    }
    command
}

/// Two gateways, the first of which has the feed, which know of each other and share the work.
fn pair(installation: &Installation, redis: Option<&OwnRedis>) -> [Server; 2] {
    let servers = [gateway(installation, redis), gateway(installation, redis)];
    for server in &servers {
        wait_for("the processes to find each other", PATIENCE, || (metric(server, "velox_peers") >= 1).then_some(()));
        wait_for("the execution to be shared", PATIENCE, || (shards(server, "execution") == 16).then_some(()));
    }
    until_market_is_shared(&servers);
    let [one, other] = servers;
    if has_feed(&one) { [one, other] } else { [other, one] }
}

/// Waits until both have half of the market, one of them the demo's instrument.
pub(crate) fn until_market_is_shared(servers: &[Server; 2]) {
    wait_for("the market to be shared", PATIENCE, || {
        let [one, other] = servers.each_ref().map(|server| (shards(server, "market-data"), has_feed(server)));
        (one.0 == 6 && other.0 == 6 && one.1 != other.1).then_some(())
    });
}

/// The value of a metric; 0 where it was never counted.
pub(crate) fn metric(server: &Server, name: &str) -> u64 {
    metric_at(server.address, name)
}

/// [`metric`] of whoever is at an address.
pub(crate) fn metric_at(address: SocketAddr, name: &str) -> u64 {
    let answer = Api::new(address, "").call("GET", "/metrics", None).unwrap();
    let text = answer.body.as_str().unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0, |value| value.trim().parse().unwrap())
}

/// How many shards of a role a process has.
pub(crate) fn shards(server: &Server, role: &str) -> u64 {
    metric(server, &format!("velox_shards{{role=\"{role}\"}}"))
}

/// How many signals of a kind a gateway has heard.
pub(crate) fn heard(server: &Server, kind: &str) -> u64 {
    metric(server, &format!("velox_signals_heard_total{{kind=\"{kind}\"}}"))
}

#[test]
fn either_serves_the_same_user_and_wakes_the_other_through_postgres() {
    either_serves_the_same_user(None);
}

#[test]
fn either_serves_the_same_user_and_wakes_the_other_through_redis() {
    either_serves_the_same_user(Some(&OwnRedis::start()));
}

fn either_serves_the_same_user(redis: Option<&OwnRedis>) {
    let installation = Installation::on_postgres(Syncs::Off);
    let servers = pair(&installation, redis);
    let mut api = installation.trader(&servers[0]);
    let account = api.account();
    let mut sockets = servers.each_ref().map(|server| {
        let mut socket = Socket::connect(server.address, &api.token).unwrap();
        socket.follow("orders", &account, 0).unwrap();
        socket.until("the subscription", |message| message["type"] == "subscribed");
        socket
    });
    for number in 0..ORDERS {
        api.move_to(servers[number % 2].address);
        let order = text(&api.place(&market(&account, &format!("either-{number}"))), "id").to_owned();
        for socket in &mut sockets {
            socket.until("the fill", |message| {
                message["type"] == "order_filled" && message["data"]["order_id"] == *order
            });
        }
    }
    for server in &servers {
        assert!(heard(server, "committed") > 0, "it was woken, and not only looked");
    }
    // Who reads goes on, on the other one, where it was.
    let resting_order = text(&api.place(&resting(&account, "rest")), "id").to_owned();
    for (place, server) in servers.iter().enumerate() {
        let last =
            sockets[place].until("the order", |message| message["data"]["order_id"] == *resting_order).pop().unwrap();
        let after = last["seq"].as_u64().unwrap() - 1;
        let other = &servers[1 - place];
        let mut again = Socket::connect(other.address, &api.token).unwrap();
        again.follow("orders", &account, after).unwrap();
        let first = again.until("its successor", |message| message["prev_seq"].is_u64()).pop().unwrap();
        assert_eq!((first["seq"].as_u64(), &first["data"]), (Some(after + 1), &last["data"]), "{}", server.address);
    }

    // A sign-in that ends on one gateway ends on both.
    api.move_to(servers[1].address);
    api.call("POST", "/v1/auth/logout", None).unwrap();
    for socket in &mut sockets {
        closes(socket);
    }
    for server in &servers {
        let answer = Api::new(server.address, &api.token).call("GET", "/v1/users/me", None).unwrap();
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    servers.into_iter().for_each(Server::stop);
    installation.verify();
}

/// Returns once the server has closed because the session has ended.
fn closes(socket: &mut Socket) {
    wait_for("the socket to close", PATIENCE, || match socket.hear() {
        Heard::Closed(code) => {
            assert_eq!(code, 4403, "the session has ended");
            Some(())
        }
        Heard::Lost => panic!("lost without a word"),
        Heard::Message(_) | Heard::Silence => None,
    });
}

/// A subscription to the market's messages, after a cursor if there is one.
fn watch(server: &Server, token: &str, after: Option<&Value>) -> Socket {
    let mut socket = Socket::connect(server.address, token).unwrap();
    let mut wish = json!({ "op": "subscribe", "channel": "market-data", "symbols": ["BTC-PERP"] });
    if let Some(after) = after {
        (wish["epoch"], wish["offset"]) = (after["epoch"].clone(), after["offset"].clone());
    }
    socket.send(&wish).unwrap();
    socket
}

fn is_market(message: &Value) -> bool {
    message["offset"].is_u64() && message["type"] != "subscribed"
}

/// The next messages of the market, by where they stand.
fn next_messages(socket: &mut Socket, count: usize) -> BTreeMap<(u64, u64), Value> {
    let mut messages = BTreeMap::new();
    while messages.len() < count {
        for message in socket.until("the market", is_market).into_iter().filter(is_market) {
            messages.insert((message["epoch"].as_u64().unwrap(), message["offset"].as_u64().unwrap()), message);
        }
    }
    messages
}

#[test]
fn the_market_is_the_same_on_both_and_goes_on_when_the_one_with_the_feed_is_killed() {
    let installation = Installation::on_postgres(Syncs::Off);
    let [first, second] = pair(&installation, None);
    let mut api = installation.trader(&first);
    let mut sockets = [&first, &second].map(|server| watch(server, &api.token, None));
    // The follower begins to follow with the first word it hears.
    let here = next_messages(&mut sockets[0], MESSAGES);
    let there = next_messages(&mut sockets[1], MESSAGES);
    let common: Vec<_> = there.iter().filter_map(|(place, told)| Some((told, here.get(place)?))).collect();
    assert!(common.len() >= MESSAGES / 2, "{here:?}\n{there:?}");
    common.iter().for_each(|(there, here)| assert_eq!(there, here));

    // A client resumes on the other gateway without a gap.
    let last = there.values().next_back().unwrap();
    let mut again = watch(&first, &api.token, Some(last));
    let resumed = next_messages(&mut again, 1);
    let (epoch, offset) = (last["epoch"].as_u64().unwrap(), last["offset"].as_u64().unwrap());
    assert_eq!(resumed.keys().next(), Some(&(epoch, offset + 1)));

    // Both know the same prices and the same growing candle, once both have heard the same. A busy machine may take longer
    // for a look at both than the market stands still, so that one tells now what the other told a while ago.
    let mut told: [BTreeSet<String>; 2] = Default::default();
    wait_for("both to tell the same", PATIENCE, || {
        for (server, told) in [&first, &second].into_iter().zip(&mut told) {
            told.insert(market_view(&mut api, server));
        }
        // Whoever answers no ping for half a minute is taken for dead.
        sockets.iter_mut().for_each(Socket::catch_up);
        (!told[0].is_disjoint(&told[1])).then_some(())
    });

    first.kill();
    wait_for("the second process to have the feed", PATIENCE, || has_feed(&second).then_some(()));
    let newer = sockets[1].until("a new epoch", |message| message["epoch"].as_u64().is_some_and(|other| other > epoch));
    assert!(newer.last().is_some_and(is_market));
    api.move_to(second.address);
    let account = api.account();
    let order = text(&api.place(&market(&account, "after")), "id").to_owned();
    wait_until(&mut api, &order, "filled");
    second.stop();
    installation.verify();
}

/// What a gateway says of the market now.
fn market_view(api: &mut Api, server: &Server) -> String {
    api.move_to(server.address);
    let quote = api.call("GET", "/v1/market-data/quotes/BTC-PERP", None).unwrap();
    let candles = api.call("GET", "/v1/market-data/candles/BTC-PERP?timeframe=1m&limit=3", None).unwrap();
    assert_eq!((quote.status, candles.status), (200, 200), "{quote:?} {candles:?}");
    format!("{} {}", quote.body["last"], candles.body["items"])
}

/// How many of some orders a pair allows, placed on both in turn.
fn allowed(api: &mut Api, servers: &[Server; 2], account: &str, name: &str) -> usize {
    let mut place = |number: usize| {
        api.move_to(servers[number % 2].address);
        let answer = api.call("POST", "/v1/orders", Some(&resting(account, &format!("{name}-{number}")))).unwrap();
        assert!(matches!(answer.status, 201 | 429), "{answer:?}");
        usize::from(answer.status == 201)
    };
    (0..2 * ORDERS).map(&mut place).sum()
}

/// How a part of a gateway is.
pub(crate) fn health(api: &mut Api, server: &Server, part: &str) -> Value {
    said_of(api, server, part)["status"].clone()
}

/// What a gateway says of a part of it.
pub(crate) fn said_of(api: &mut Api, server: &Server, part: &str) -> Value {
    api.move_to(server.address);
    let body = api.call("GET", "/health", None).unwrap().body;
    let components = body["components"].as_array().unwrap();
    components.iter().find(|component| component["name"] == part).unwrap().clone()
}

#[test]
fn limits_hold_for_both_together_and_trading_goes_on_without_redis() {
    let mut redis = OwnRedis::start();
    let installation = Installation::on_postgres(Syncs::Off);
    let start = || {
        let mut command = serve(&installation, Some(&redis));
        // Not one more comes back within a test.
        Server::start(command.args(["--set", "limits.orders_per_minute=1", "--set", "limits.gateways=2"]))
    };
    let servers = [start(), start()];
    let mut api = installation.trader(&servers[0]);
    let account = api.account();
    for server in &servers {
        wait_for("prices", PATIENCE, || (health(&mut api, server, "feed") == "up").then_some(()));
    }
    assert_eq!(allowed(&mut api, &servers, &account, "shared"), 1, "one in a minute, on both together");
    redis.kill();
    for server in &servers {
        wait_for("the outage to be seen", PATIENCE, || (health(&mut api, server, "redis") == "down").then_some(()));
        assert_eq!(api.call("GET", "/readyz", None).unwrap().status, 200, "it is only missed");
    }
    assert_eq!(allowed(&mut api, &servers, &account, "alone"), 1, "the one that has given nothing yet gives its share");
    redis.start_again();
    for server in &servers {
        wait_for("its return", PATIENCE, || (health(&mut api, server, "redis") == "up").then_some(()));
    }
    // A server that was started anew knows nothing: it renews one burst, less what it is told was allowed without it.
    assert!(allowed(&mut api, &servers, &account, "again") <= 1);
    servers.into_iter().for_each(Server::stop);
    installation.verify();
}

#[test]
fn a_redis_that_hangs_or_dies_costs_no_order() {
    let mut redis = OwnRedis::start();
    let installation = Installation::on_postgres(Syncs::Off);
    let servers = pair(&installation, Some(&redis));
    let mut api = installation.trader(&servers[0]);
    let account = api.account();
    let mut round = |name: &str| {
        for number in 0..ORDERS {
            api.move_to(servers[number % 2].address);
            let order = api.place(&market(&account, &format!("{name}-{number}")));
            wait_until(&mut api, text(&order, "id"), "filled");
        }
    };
    redis.freeze(true);
    round("frozen");
    redis.freeze(false);
    redis.kill();
    round("away");
    redis.start_again();
    round("back");
    // Who tells and who listens come back each in its own time.
    let before = servers.each_ref().map(|server| heard(server, "here"));
    for (server, before) in servers.iter().zip(before) {
        wait_for("signals to come again", PATIENCE, || (heard(server, "here") > before).then_some(()));
    }
    let [first, second] = servers;
    first.stop();
    api.move_to(second.address);
    Books::at_rest(&mut api, &account).agree();
    second.stop();
    installation.verify();
}
