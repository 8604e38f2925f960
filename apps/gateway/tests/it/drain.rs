//! Leaving in good order.

use std::time::Duration;

use velox::http::health::HealthChecks;
use velox::http::{RouteTable, routes};

use crate::routes::table;
use crate::server::{Client, assert_problem, start};

const GATE: &[u8] = b"GET /t/gate HTTP/1.1\r\nHost: x\r\n\r\n";
const READY: &[u8] = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n";
const LIVE: &[u8] = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";

fn both() -> RouteTable {
    let tables = [table(), routes()];
    let groups = tables.iter().flat_map(|table| table.groups());
    groups.fold(RouteTable::default(), |all, group| all.group(group.tag, group.about, group.rows.clone()))
}

#[tokio::test]
async fn requests_in_flight_finish_and_kept_connections_are_told_to_close() {
    let running = start(both(), HealthChecks::default(), &[("server.request_timeout_ms", "20000")]);
    let (mut busy, mut probe, mut alive) = (
        Client::connect(running.address).await,
        Client::connect(running.address).await,
        Client::connect(running.address).await,
    );
    probe.send(READY).await;
    let ready = probe.receive(true).await;
    assert_eq!((ready.status, ready.header("connection")), (200, None));
    alive.send(LIVE).await;
    assert_eq!(alive.receive(true).await.status, 200);
    busy.send(GATE).await;
    running.gate.entered.acquire().await.unwrap().forget();

    let drain = tokio::spawn(running.server.drain(Duration::from_secs(20)));
    running.shutdown.begun().await;
    probe.send(READY).await;
    let ready = probe.receive(true).await;
    assert_problem(&ready, 503, "shutting_down", "readiness");
    assert_eq!(ready.header("connection"), Some("close"));
    assert!(probe.is_closed().await);
    alive.send(LIVE).await;
    let live = alive.receive(true).await;
    assert_eq!((live.status, live.header("connection")), (200, Some("close")));

    running.gate.open.add_permits(1);
    let finished = busy.receive(true).await;
    assert_eq!((finished.status, finished.body.as_slice()), (200, b"through".as_slice()));
    assert_eq!(finished.header("connection"), Some("close"));
    drain.await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(running.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_drain_ends_when_its_time_is_over() {
    let running = start(both(), HealthChecks::default(), &[("server.request_timeout_ms", "20000")]);
    let mut busy = Client::connect(running.address).await;
    busy.send(GATE).await;
    running.gate.entered.acquire().await.unwrap().forget();
    running.server.drain(Duration::from_millis(50)).await.unwrap();
    assert!(busy.is_closed().await);
}
