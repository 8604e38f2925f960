//! Lists out of a real streaming replica that lags: whoever writes sees what they wrote, whatever the replica has.

use std::time::Duration;

use serde_json::Value;

use crate::api::{Answer, Api};
use crate::audit::text;
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
    let refused = list(&mut api, &account, Some("soon"));
    assert_eq!((refused.status, text(&refused.body, "code")), (400, "invalid_parameter"));
    servers.into_iter().for_each(Server::stop);
    installation.verify();
}
