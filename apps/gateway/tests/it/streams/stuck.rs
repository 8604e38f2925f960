//! Clients that read nothing: the server ends them, whatever waits for them.

use std::time::Duration;

use uuid::Uuid;
use velox_kernel::SessionId;

use super::listener::{HANDSHAKE, Listener, until};
use super::long_log::lengthen;
use crate::trading::world::World;

/// A world with long logs and little patience, and a client that has read the beginning of the first long event: the
/// rest of it fills every buffer, so that the server can write nothing more.
async fn stuck(patience: Duration) -> (World, Listener) {
    let world = World::made(&[], lengthen, |desk| {
        desk.settings.queue = 1;
        desk.settings.patience = patience;
    })
    .await;
    let path = format!("/v1/stream?channels=orders&accounts={}", world.account);
    let mut listener = Listener::open(world.address, &path, &[]).await;
    listener.hear("\"pad\":\"xx").await;
    (world, listener)
}

#[actix_web::test]
async fn a_client_that_reads_nothing_is_disconnected() {
    let (world, _listener) = stuck(Duration::from_millis(100)).await;
    until("the connection is gone", || world.connections.open() == 0).await;
}

#[actix_web::test]
async fn a_client_that_reads_nothing_is_disconnected_when_its_session_ends() {
    // Longer than the test waits: nothing but the session's end ends it.
    let (world, _listener) = stuck(Duration::from_secs(600)).await;
    assert_eq!(world.connections.open(), 1);
    world.desk.sessions_ended.send(SessionId::new(Uuid::nil())).unwrap();
    until("the connection is gone", || world.connections.open() == 0).await;
}

#[actix_web::test]
async fn a_websocket_that_reads_nothing_is_disconnected() {
    let world = World::made(&[], lengthen, |desk| desk.settings.patience = Duration::from_millis(100)).await;
    let mut listener = Listener::open(world.address, "/v1/ws", &HANDSHAKE).await;
    let account = world.account;
    listener.say(&format!(r#"{{"op":"subscribe","channel":"orders","account":"{account}","after":1}}"#)).await;
    listener.hear("\"pad\":\"xx").await;
    until("the connection is gone", || world.connections.open() == 0).await;
}

#[actix_web::test]
async fn who_reads_hears_why() {
    let world = World::start().await;
    let path = format!("/v1/stream?channels=orders&accounts={}", world.account);
    let mut listener = Listener::open(world.address, &path, &[]).await;
    listener.hear("\"subscribed\"").await;
    world.desk.sessions_ended.send(SessionId::new(Uuid::nil())).unwrap();
    listener.hear("\"reason\":\"session_ended\"").await;
    until("the connection is gone", || world.connections.open() == 0).await;
}
