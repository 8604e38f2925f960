//! Two processes on one PostgreSQL share the execution by account: an order is filled once, whichever process took it, and
//! when one is killed or stands still the other one goes on.

use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use velox::execution::{EXECUTION_SHARDS, execution_shard};

use crate::api::Api;
use crate::audit::{Books, text};
use crate::database::Syncs;
use crate::installation::Installation;
use crate::server::Server;
use crate::side_by_side::{metric, shards, until_market_is_shared};
use crate::story::{resting, wait_until};
use crate::waiting::{say, wait_for};

/// Orders of a round in an account, placed through both processes in turn.
const ORDERS: usize = 12;
/// How long the other process may take until it executes: one that was killed is missed within about a second, and one
/// that stands still within about three. The rest is for a busy machine.
const TAKEOVER: Duration = Duration::from_secs(10);

/// A market that visits the same low and high prices in each minute; three seconds a minute.
fn start(installation: &Installation) -> Server {
    let bars = installation.directory().join("bars.csv");
    let mut rows = "timestamp,open,high,low,close,volume\n".to_owned();
    for minute in 0..6_000 {
        let (hour, minute) = (minute / 60, minute % 60);
        let (day, hour) = (1 + hour / 24, hour % 24);
        writeln!(rows, "2022-01-{day:02}T{hour:02}:{minute:02}:00Z,40000,40100,39900,40000,90000000").unwrap();
    }
    std::fs::write(&bars, rows).unwrap();
    let mut command = installation.serve();
    // Half a second without a feed, while another process takes it, is ten seconds of the market's.
    command.args(["--set", "market.feed=replay", "--set", "market.speed=20", "--set", "market.stale_after_ms=300000"]);
    command.args(["--set", &format!("market.replay_path={}", bars.display())]);
    Server::start(&mut command)
}

/// An order that the market reaches soon, but mostly not at once.
fn reached(account: &str, name: &str) -> Value {
    json!({ "account_id": account, "symbol": "BTC-PERP", "side": "buy", "type": "limit", "limit_price": "39905",
        "quantity": "0.001", "time_in_force": "gtc", "client_order_id": name })
}

/// Places a round of orders through each client in turn, and gives their ids.
fn place_round(clients: &mut [Api], order: impl Fn(&str) -> Value, name: &str) -> Vec<String> {
    let mut place = |number: usize| {
        let client = &mut clients[number % 2];
        text(&client.place(&order(&format!("{name}-{number}"))), "id").to_owned()
    };
    (0..ORDERS).map(&mut place).collect()
}

/// Waits until a process has so many shards of the execution.
fn until_has(server: &Server, count: u64) {
    let waited = Instant::now();
    wait_for("its part of the execution", TAKEOVER, || (shards(server, "execution") == count).then_some(()));
    say(&format!("has {count} shards after {:?}", waited.elapsed()));
}

/// Two processes that share the execution and the market.
fn pair(installation: &Installation) -> [Server; 2] {
    let first = start(installation);
    // It begins alone, so that it has the lower half of the execution afterwards.
    until_has(&first, u64::from(EXECUTION_SHARDS));
    let servers = [first, start(installation)];
    servers.iter().for_each(|server| until_has(server, u64::from(EXECUTION_SHARDS / 2)));
    until_market_is_shared(&servers);
    servers
}

/// An account of the process that was first, and one of the second's: they have the lower and the upper half of the shards.
fn accounts_of_both(api: &mut Api) -> [String; 2] {
    for number in 0..64 {
        let accounts = api.list("/v1/accounts");
        let of = |is_upper: bool| {
            let ids = accounts.iter().map(|row| text(row, "id"));
            ids.into_iter().find(|id| (execution_shard(id.parse().unwrap()) >= EXECUTION_SHARDS / 2) == is_upper)
        };
        if let (Some(lower), Some(upper)) = (of(false), of(true)) {
            return [lower.to_owned(), upper.to_owned()];
        }
        let connection = json!({ "kind": "paper", "name": format!("Another {number}") });
        let made = api.call("POST", "/v1/brokers", Some(&connection)).unwrap();
        assert_eq!(made.status, 201, "{made:?}");
    }
    panic!("64 accounts fall into the same half");
}

/// How many fills a process has made durable.
fn fills(server: &Server) -> u64 {
    metric(server, "velox_events_total{type=\"order_filled\"}")
}

#[test]
fn an_order_is_filled_once_and_outlives_the_process_that_executes_it() {
    let installation = Installation::on_postgres(Syncs::Off);
    let [first, second] = pair(&installation);
    let mut api = installation.trader(&second);
    // They are made through the second process: the first one has no book of an account of its own yet.
    let accounts = accounts_of_both(&mut api);
    let mut clients = [installation.client(&first), installation.client(&second)];
    let mut filled: Vec<Vec<String>> = Vec::new();
    let mut rest = Vec::new();
    for account in &accounts {
        filled.push(place_round(&mut clients, |name| reached(account, name), "before"));
        rest.push(place_round(&mut clients, |name| resting(account, name), "rest"));
    }
    for id in filled.iter().flatten() {
        wait_until(&mut api, id, "filled");
    }
    for id in rest.iter().flatten() {
        wait_until(&mut api, id, "new");
    }
    let each = u64::try_from(ORDERS).unwrap();
    assert_eq!([fills(&first), fills(&second)], [each, each], "each executes its own accounts");

    // One is killed: its accounts are the other one's, and the feed too.
    for (account, filled) in accounts.iter().zip(&mut filled) {
        filled.extend(place_round(&mut clients, |name| reached(account, name), "across"));
    }
    first.kill();
    until_has(&second, u64::from(EXECUTION_SHARDS));
    for id in filled.iter().flatten() {
        wait_until(&mut api, id, "filled");
    }
    // A broker that had forgotten the order would refuse the cancel.
    for rest in &mut rest {
        let canceled = rest.pop().unwrap();
        let answer = api.call("DELETE", &format!("/v1/orders/{canceled}"), None).unwrap();
        assert!(answer.status < 300, "{answer:?}");
        wait_until(&mut api, &canceled, "canceled");
    }

    // A third one comes and has its part, before the second one goes in order: no order waits for long.
    let third = start(&installation);
    until_has(&third, u64::from(EXECUTION_SHARDS / 2));
    let mut clients = [installation.client(&third), installation.client(&second)];
    for (account, filled) in accounts.iter().zip(&mut filled) {
        filled.extend(place_round(&mut clients, |name| reached(account, name), "shared"));
    }
    second.stop();
    until_has(&third, u64::from(EXECUTION_SHARDS));
    api.move_to(third.address);
    for id in filled.iter().flatten() {
        wait_until(&mut api, id, "filled");
    }
    for ((account, filled), rest) in accounts.iter().zip(&filled).zip(&rest) {
        let books = Books::at_rest(&mut api, account);
        books.agree();
        for id in filled {
            assert_eq!(books.events_of(id, "order_filled"), 1, "{id}");
        }
        for id in rest {
            assert_eq!(books.events_of(id, "order_filled"), 0, "{id}");
            assert_eq!(api.order(id)["status"], "new");
        }
    }
    installation.verify();
    third.stop();
    installation.verify();
}

/// Its books are of another time when it goes on: whatever they say is refused.
#[test]
fn a_process_that_stood_still_has_lost_its_part_and_writes_nothing_under_it() {
    let installation = Installation::on_postgres(Syncs::Off);
    let [first, second] = pair(&installation);
    let mut api = installation.trader(&second);
    let [account, _] = accounts_of_both(&mut api);
    let mut clients = [installation.client(&first), installation.client(&second)];
    let rest = place_round(&mut clients, |name| resting(&account, name), "rest");
    for id in &rest {
        wait_until(&mut api, id, "new");
    }
    let mut reach = place_round(&mut clients, |name| reached(&account, name), "across");
    first.freeze();
    until_has(&second, u64::from(EXECUTION_SHARDS));
    let mut clients = [installation.client(&second), installation.client(&second)];
    reach.extend(place_round(&mut clients, |name| reached(&account, name), "meanwhile"));
    for id in &reach {
        wait_until(&mut api, id, "filled");
    }
    let (canceled, rest) = rest.split_first().unwrap();
    assert!(api.call("DELETE", &format!("/v1/orders/{canceled}"), None).unwrap().status < 300);
    wait_until(&mut api, canceled, "canceled");
    first.thaw();
    for server in [&first, &second] {
        until_has(server, u64::from(EXECUTION_SHARDS / 2));
    }
    say(&format!("refused after it stood still: {}", metric(&first, "velox_lane_fenced_total")));
    let mut clients = [installation.client(&first), installation.client(&second)];
    let after = place_round(&mut clients, |name| reached(&account, name), "after");
    for id in &after {
        wait_until(&mut api, id, "filled");
    }
    let books = Books::at_rest(&mut api, &account);
    books.agree();
    for id in reach.iter().chain(&after) {
        assert_eq!(books.events_of(id, "order_filled"), 1, "{id}");
    }
    for id in rest {
        assert_eq!(api.order(id)["status"], "new");
    }
    second.stop();
    first.stop();
    installation.verify();
}

/// The process stays, and keeps its part: it says that it is there.
#[test]
fn who_is_not_seen_any_more_and_says_that_it_is_there_keeps_its_part() {
    let installation = Installation::on_postgres(Syncs::Off);
    let server = start(&installation);
    let mut api = installation.trader(&server);
    let account = api.account();
    let mut clients = [installation.client(&server), installation.client(&server)];
    let rest = place_round(&mut clients, |name| resting(&account, name), "rest");
    for id in &rest {
        wait_until(&mut api, id, "new");
    }
    let reach = place_round(&mut clients, |name| reached(&account, name), "across");
    let cut = installation.database().sql().run(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    assert_eq!(cut, ["t"], "one session shows that the process is there");
    for id in &reach {
        wait_until(&mut api, id, "filled");
    }
    let after = place_round(&mut clients, |name| reached(&account, name), "after");
    for id in &after {
        wait_until(&mut api, id, "filled");
    }
    let books = Books::at_rest(&mut api, &account);
    books.agree();
    for id in reach.iter().chain(&after) {
        assert_eq!(books.events_of(id, "order_filled"), 1, "{id}");
    }
    for id in &rest {
        assert_eq!(api.order(id)["status"], "new");
    }
    server.stop();
    installation.verify();
}
