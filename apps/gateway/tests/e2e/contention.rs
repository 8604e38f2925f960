//! Two processes on one PostgreSQL, and one account that both write to.

use serde_json::Value;

use crate::api::Api;
use crate::audit::{Books, text};
use crate::database::Syncs;
use crate::installation::Installation;
use crate::story::{market, resting};
use crate::waiting::say;

/// Who places orders on each process.
const CLIENTS: usize = 3;
/// How many each places.
const ORDERS: usize = 30;

#[test]
fn two_processes_write_to_one_account() {
    let installation = Installation::on_postgres(Syncs::Off);
    let servers = [installation.start(), installation.start()];
    // Both know a price then.
    let _ = installation.trader(&servers[1]);
    let mut api = installation.trader(&servers[0]);
    let account = api.account();
    let token = api.token.clone();
    let placed: Vec<(String, Value)> = std::thread::scope(|scope| {
        let mut clients = Vec::new();
        for (process, server) in servers.iter().enumerate() {
            for client in 0..CLIENTS {
                let (mut api, account) = (Api::new(server.address, &token), &account);
                clients.push(scope.spawn(move || {
                    let place = |number: usize| {
                        let name = format!("process-{process}-client-{client}-{number}");
                        let order = if number.is_multiple_of(3) { resting } else { market };
                        let order = order(account, &name);
                        (name, until_taken(&mut api, &order))
                    };
                    (0..ORDERS).map(place).collect::<Vec<_>>()
                }));
            }
        }
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    // Each process is asked for what the other one took.
    let [first, second] = &servers;
    for (name, order) in &placed {
        let other = if name.starts_with("process-0") { second } else { first };
        api.move_to(other.address);
        let answer = api.call("POST", "/v1/orders", Some(&asked(&account, name))).unwrap();
        assert!(answer.status == 201 && answer.is_replayed(), "{name}: {answer:?}");
        assert_eq!(answer.body["id"], order["id"], "{name}");
    }
    let books = Books::at_rest(&mut api, &account);
    books.agree();
    assert_eq!(books.orders.len(), placed.len());
    for (name, order) in &placed {
        let kept = books.order(name);
        assert_eq!(kept["id"], order["id"]);
        let status = if text(kept, "type") == "limit" { "new" } else { "filled" };
        assert_eq!(kept["status"], status, "{kept}");
    }
    let conflicts: usize = servers.iter().map(|server| conflicts(server.address)).sum();
    say(&format!("{} orders, {} events, {conflicts} conflicts", books.orders.len(), books.events.len()));
    assert!(conflicts > 0, "the processes never met");
    installation.verify();
    servers.into_iter().for_each(crate::server::Server::stop);
    installation.verify();
}

/// The order of a name, as it was asked for.
fn asked(account: &str, name: &str) -> Value {
    let number: usize = name.rsplit('-').next().unwrap().parse().unwrap();
    if number.is_multiple_of(3) { resting(account, name) } else { market(account, name) }
}

/// Places an order. Under contention the answer may be that it was not done, this time.
fn until_taken(api: &mut Api, order: &Value) -> Value {
    for _ in 0..100 {
        let answer = api.call("POST", "/v1/orders", Some(order)).unwrap();
        if answer.status == 201 {
            return answer.body;
        }
        assert!(answer.status == 503 && answer.body["retryable"] == true, "{answer:?}");
    }
    panic!("{order} was refused a hundred times");
}

/// How many decisions had to be made again, by the server's own count.
fn conflicts(address: std::net::SocketAddr) -> usize {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("velox_lane_conflicts_total "));
    line.map_or(0, |count| count.trim().parse().unwrap())
}
