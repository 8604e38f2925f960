//! Lists out of a real streaming replica that lags: whoever writes sees what they wrote, whatever the replica has.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Answer, Api};
use crate::database::Database;
use crate::installation::Installation;
use crate::own_postgres::OwnPostgres;
use crate::server::Server;
use crate::side_by_side::{health, metric};
use crate::story::resting;
use crate::waiting::{PATIENCE, wait_for};

/// How far the replica lags behind.
const LAG: Duration = Duration::from_secs(1);
/// How far it may.
const ALLOWED: Duration = Duration::from_secs(20);
const ORDERS: usize = 10;

fn listed(answer: &Answer, name: &str) -> bool {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["items"].as_array().unwrap().iter().any(|order| order["client_order_id"] == name)
}

fn list(api: &mut Api, account: &str, position: Option<&str>) -> Answer {
    let path = format!("/v1/orders?account_id={account}&limit=500");
    let headers: Vec<_> = position.iter().map(|position| ("Velox-Position", *position)).collect();
    api.call_with("GET", &path, &headers, None).unwrap()
}

/// Places an order, and gives the position from which on a list shows it.
fn place(api: &mut Api, account: &str, name: &str) -> String {
    let answer = api.call("POST", "/v1/orders", Some(&resting(account, name))).unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.header("velox-position").expect("it tells the position").to_owned()
}

/// Keeps a minute of long ago, and gives the position from which on a list shows it.
fn keep_candle(api: &mut Api, minute: usize) -> String {
    let prices = json!({"open": "91000", "high": "91020", "low": "90990", "close": "91010", "volume": "3.2"});
    let mut candle = prices;
    candle["open_time"] = json!(open_time(minute));
    let candles = json!({"timeframe": "1m", "candles": [candle]});
    let answer = api.call("POST", "/v1/market-data/candles/BTC-PERP", Some(&candles)).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("velox-position").expect("it tells the position").to_owned()
}

fn open_time(minute: usize) -> String {
    format!("2024-01-05T12:{minute:02}:00Z")
}

/// Whether the minutes of that hour have this one.
fn has_candle(api: &mut Api, minute: usize, position: Option<&str>) -> bool {
    let path = "/v1/market-data/candles/BTC-PERP?timeframe=1m&from=2024-01-05T12:00:00Z&to=2024-01-05T13:00:00Z";
    let headers: Vec<_> = position.iter().map(|position| ("Velox-Position", *position)).collect();
    let answer = api.call_with("GET", path, &headers, None).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["items"].as_array().unwrap().iter().any(|candle| candle["open_time"] == open_time(minute))
}

/// The document names the header beside the lists that read it, and beside no others; and where it is told.
fn the_document_knows_positions(api: &mut Api) {
    let document = api.get("/v1/openapi.json");
    let mut honoured = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let Some(get) = methods.get("get") else { continue };
        let example = path.replace("{symbol}", "BTC-PERP").replace('{', "x").replace('}', "y");
        let answer = api.call_with("GET", &example, &[("Velox-Position", "soon")], None).unwrap();
        let honours = answer.status == 400 && answer.body["errors"][0]["parameter"] == "Velox-Position";
        let parameters = get["parameters"].as_array().into_iter().flatten();
        let named = parameters.filter(|one| one["name"] == "Velox-Position" && one["in"] == "header").count();
        assert_eq!(named, usize::from(honours), "GET {path}: {answer:?}");
        honoured += named;
    }
    assert_eq!(honoured, 4, "accounts, orders, trades and candles");
    let told = &document["paths"]["/v1/orders"]["post"]["responses"]["201"]["headers"]["Velox-Position"]["$ref"];
    assert!(document.pointer(told.as_str().unwrap().trim_start_matches('#')).is_some(), "{told}");
}

fn answered_by(server: &Server, by: &str) -> u64 {
    metric(server, &format!("velox_lists_total{{by=\"{by}\"}}"))
}

fn state(api: &mut Api, server: &Server) -> Value {
    health(api, server, "read_replica")
}

#[test]
fn whoever_writes_sees_it_whatever_the_replica_has() {
    let primary = OwnPostgres::start();
    let mut replica = primary.replicate(LAG);
    let installation = Installation::on_database(Database::empty_on(&primary.url()));
    let read_url = installation.database().url.replace(&primary.port().to_string(), &replica.port().to_string());
    let start = || {
        let mut command = installation.serve();
        command.env("VELOX_DATABASE_READ_URL", &read_url);
        Server::start(command.args(["--set", &format!("database.read_max_lag_ms={}", ALLOWED.as_millis())]))
    };
    // Two of them, so that nobody's memory helps.
    let servers = [start(), start()];
    let mut api = installation.client(&servers[0]);
    let account = api.account();
    for server in &servers {
        wait_for("the replica to be read", PATIENCE, || (state(&mut api, server) == "up").then_some(()));
    }

    // Written through one and listed through the other, with the position and without.
    for number in 0..ORDERS {
        let name = format!("seen-{number}");
        api.move_to(servers[number % 2].address);
        let position = place(&mut api, &account, &name);
        api.move_to(servers[(number + 1) % 2].address);
        assert!(listed(&list(&mut api, &account, Some(&position)), &name), "{name} with its position");
        assert!(listed(&list(&mut api, &account, None), &name), "{name} without one");
    }
    assert!(servers.iter().map(|server| answered_by(server, "primary")).sum::<u64>() > 0, "the replica lags");

    for minute in 0..ORDERS {
        api.move_to(servers[minute % 2].address);
        let position = keep_candle(&mut api, minute);
        api.move_to(servers[(minute + 1) % 2].address);
        assert!(has_candle(&mut api, minute, Some(&position)), "minute {minute} with its position");
        assert!(has_candle(&mut api, minute, None), "minute {minute} without one");
    }
    the_document_knows_positions(&mut api);

    // Who has seen little is answered by the replica, as old as that is.
    let early = place(&mut api, &account, "early");
    let here = api.address();
    let server = servers.iter().find(|server| server.address == here).unwrap();
    let before = answered_by(server, "replica");
    wait_for("the replica to come to it", PATIENCE, || {
        let answer = list(&mut api, &account, Some(&early));
        assert!(listed(&answer, "early"));
        (answered_by(server, "replica") > before).then_some(())
    });
    place(&mut api, &account, "late");
    let (before, answer) = (answered_by(server, "replica"), list(&mut api, &account, Some(&early)));
    if answered_by(server, "replica") > before {
        assert!(listed(&answer, "early") && !listed(&answer, "late"), "it is a second behind");
    }
    assert!(listed(&list(&mut api, &account, None), "late"));

    // Without the replica the primary answers, and with it again later.
    replica.kill();
    assert!(listed(&list(&mut api, &account, Some(&early)), "late"), "the primary answers");
    wait_for("its loss to be seen", PATIENCE, || (state(&mut api, server) == "down").then_some(()));
    assert_eq!(api.call("GET", "/readyz", None).unwrap().status, 200, "it is only missed");
    replica.start_again();
    wait_for("its return", PATIENCE, || (state(&mut api, server) == "up").then_some(()));
    let position = keep_candle(&mut api, ORDERS);
    let before = answered_by(server, "replica");
    wait_for("the replica to come to the candle", PATIENCE, || {
        assert!(has_candle(&mut api, ORDERS, Some(&position)));
        (answered_by(server, "replica") > before).then_some(())
    });
    servers.into_iter().for_each(Server::stop);
    installation.verify();
}
