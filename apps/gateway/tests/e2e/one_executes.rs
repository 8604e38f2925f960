//! Two processes on one PostgreSQL, of which one executes: an order is filled once, whichever process took it, and
//! when the one that executes is killed the other goes on.

use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::Api;
use crate::audit::{Books, text};
use crate::database::Syncs;
use crate::installation::Installation;
use crate::server::Server;
use crate::story::{resting, wait_until};
use crate::waiting::{PATIENCE, say, wait_for};

/// Orders of a round, placed through both processes in turn.
const ORDERS: usize = 24;
/// How long the other process may take until it executes: the lock is asked for twice a second. The rest is for a busy
/// machine.
const TAKEOVER: Duration = Duration::from_secs(10);

const EXECUTES: &str = "this process executes orders";
const SERVES: &str = "another process executes orders; this one serves";

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
    command.args(["--set", "market.feed=replay", "--set", "market.speed=20"]);
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

#[test]
fn an_order_is_filled_once_and_outlives_the_process_that_executes() {
    let installation = Installation::on_postgres(Syncs::Off);
    let first = start(&installation);
    wait_for("the first process to execute", PATIENCE, || first.has_logged(EXECUTES).then_some(()));
    let second = start(&installation);
    wait_for("the second process to stand by", PATIENCE, || second.has_logged(SERVES).then_some(()));
    let mut api = installation.trader(&second);
    let account = api.account();
    let mut clients = [installation.client(&first), installation.client(&second)];

    let filled = place_round(&mut clients, |name| reached(&account, name), "before");
    for id in &filled {
        wait_until(&mut api, id, "filled");
    }
    assert!(!second.has_logged(EXECUTES));
    // An account of a connection made by the process that only serves has no book in the other one yet.
    let made = api.call("POST", "/v1/brokers", Some(&json!({ "kind": "paper", "name": "Made elsewhere" }))).unwrap();
    assert_eq!(made.status, 201, "{made:?}");
    let accounts = api.list("/v1/accounts");
    let other = accounts.iter().map(|row| text(row, "id")).find(|id| *id != account).unwrap().to_owned();
    let elsewhere = text(&api.place(&reached(&other, "elsewhere")), "id").to_owned();
    wait_until(&mut api, &elsewhere, "filled");

    let rest = place_round(&mut clients, |name| resting(&account, name), "rest");
    for id in &rest {
        wait_until(&mut api, id, "new");
    }
    let across = place_round(&mut clients, |name| reached(&account, name), "across");
    let killed = Instant::now();
    first.kill();
    wait_for("the second process to execute", TAKEOVER, || second.has_logged(EXECUTES).then_some(()));
    say(&format!("taken over after {:?}", killed.elapsed()));
    for id in &across {
        wait_until(&mut api, id, "filled");
    }
    // A broker that had forgotten the order would refuse the cancel.
    let (canceled, rest) = rest.split_first().unwrap();
    let answer = api.call("DELETE", &format!("/v1/orders/{canceled}"), None).unwrap();
    assert!(answer.status < 300, "{answer:?}");
    wait_until(&mut api, canceled, "canceled");

    let books = Books::at_rest(&mut api, &account);
    books.agree();
    for id in filled.iter().chain(&across) {
        assert_eq!(books.events_of(id, "order_filled"), 1, "{id}");
    }
    for id in rest {
        assert_eq!(books.events_of(id, "order_filled"), 0, "{id}");
        assert_eq!(api.order(id)["status"], "new");
    }
    Books::at_rest(&mut api, &other).agree();
    installation.verify();
    second.stop();
    installation.verify();
}

/// The process stays: it stops executing, and goes on when the lock is its own again.
#[test]
fn who_loses_the_lock_stops_and_may_have_it_again() {
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
    assert_eq!(cut, ["t"], "one session has the lock");
    wait_for("the loss to be noticed", TAKEOVER, || server.has_logged("was lost").then_some(()));
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
