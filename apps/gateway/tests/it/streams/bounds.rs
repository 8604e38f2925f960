//! How much a client may say, and how many streams a user may have.

use uuid::Uuid;
use velox::streams::OpenStreams;
use velox_kernel::UserId;

use super::listener::{HANDSHAKE, Listener, until};
use crate::server::assert_problem;
use crate::trading::world::World;

#[actix_web::test]
async fn what_a_client_says_counts_as_requests_do() {
    let world = World::made(&[("limits.requests_per_minute", "3")], |trading| trading, |_| {}).await;
    let mut listener = Listener::open(world.address, "/v1/ws", &HANDSHAKE).await;
    let account = world.account;
    for _ in 0..3 {
        listener.say(r#"{"op":"ping"}"#).await;
        listener.hear("\"pong\"").await;
    }
    assert_problem(&world.get("/v1/accounts").await, 429, "rate_limited", "the user has said enough");
    let subscribe = format!(r#"{{"op":"subscribe","channel":"orders","account":"{account}"}}"#);
    listener.say(&subscribe).await;
    let heard = listener.hear("\"retry_after_ms\":").await;
    assert!(heard.contains("\"code\":\"rate_limited\"") && !heard.contains("subscribed"), "{heard}");
    let wait: u64 = listener.hear("}").await.trim_end_matches('}').parse().unwrap();
    assert!((1..=20_000).contains(&wait), "{wait}");
    for _ in 0..100 {
        listener.say(&subscribe).await;
    }
    listener.hear("\"reason\":\"rate_limited\",\"code\":4430").await;
    until("the connection is gone", || world.connections.open() == 0).await;
}

#[actix_web::test]
async fn a_user_has_so_many_streams_and_no_more() {
    let world = World::made(&[], |trading| trading, |desk| desk.open = OpenStreams::new(2)).await;
    let path = format!("/v1/stream?channels=orders&accounts={}", world.account);
    let mut events = Listener::open(world.address, &path, &[]).await;
    events.hear("\"subscribed\"").await;
    let mut socket = Listener::stranger(world.address).await;
    socket.say(r#"{"op":"auth","token":"trader"}"#).await;
    socket.hear("\"authenticated\"}").await;

    let refused = world.call("trader", "GET", &path, &[], "").await;
    assert_problem(&refused, 429, "too_many_streams", "an event stream");
    Listener::open(world.address, "/v1/ws", &HANDSHAKE).await.hear("too_many_streams").await;
    let mut late = Listener::stranger(world.address).await;
    late.say(r#"{"op":"auth","token":"viewer"}"#).await;
    late.hear("\"reason\":\"too_many_streams\",\"code\":4431").await;

    drop(events);
    let user = UserId::new(Uuid::from_u128(7));
    until("its place is free", || world.desk.open.enter(user).is_some()).await;
    drop(socket);
    until("both are free", || world.desk.open.enter(user).zip(world.desk.open.enter(user)).is_some()).await;
}
