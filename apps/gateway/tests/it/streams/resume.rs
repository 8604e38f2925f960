//! Event streams that go on where they were broken off.

use velox_kernel::Cursor;

use super::listener::{HANDSHAKE, Listener};
use super::long_log::lengthen;
use crate::trading::world::World;

/// The `id` of the last event of a text, or of those before it.
fn last_id(heard: &str) -> Option<&str> {
    heard.lines().filter_map(|line| line.strip_prefix("id: ")).next_back()
}

#[actix_web::test]
async fn a_snapshot_that_did_not_come_is_given_when_the_client_comes_back() {
    let world = World::start().await;
    let path = format!("/v1/stream?channels=orders,positions&snapshot=true&accounts={}", world.account);
    let mut listener = Listener::open(world.address, &path, &[]).await;
    let heard = listener.hear("\"type\":\"subscribed\"").await;
    assert_eq!(last_id(&heard), None, "the answer alone stands for nothing: {heard}");
    // One of the two snapshots, with its `id` before it; the other may be on its way.
    let heard = listener.hear("\"type\":\"snapshot\"").await;
    let id = last_id(&heard).unwrap().to_owned();
    let missing = if heard.contains("\"channel\":\"orders\",\"account\"") { "positions" } else { "orders" };
    drop(listener);

    let mut again = Listener::open(world.address, &path, &[("Last-Event-ID", &id)]).await;
    let heard = again.hear("\"type\":\"snapshot\"").await;
    assert!(heard.contains(&format!("{{\"channel\":\"{missing}\",\"account\"")), "{missing}: {heard}");
    let heard = again.hear("\n\n").await;
    assert!(!heard.contains("snapshot"), "{heard}");
}

#[actix_web::test]
async fn the_first_answer_resumes_every_subscription() {
    let world = World::start().await;
    let path = format!("/v1/stream?channels=orders,positions&accounts={}", world.account);
    let mut listener = Listener::open(world.address, &path, &[]).await;
    let heard = listener.hear("\"subscribed\"").await;
    let id = last_id(&heard).unwrap().to_owned();
    drop(listener);
    world.place(serde_json::json!({})).await;
    let mut again = Listener::open(world.address, &path, &[("Last-Event-ID", &id)]).await;
    again.hear("\"type\":\"order_accepted\"").await;
}

#[actix_web::test]
async fn a_place_that_no_log_can_have_is_ahead_of_it() {
    let world = World::made(&[], lengthen, |_| {}).await;
    let account = world.account;
    let mut listener = Listener::open(world.address, "/v1/ws", &HANDSHAKE).await;
    for after in [i64::MAX.cast_unsigned(), i64::MAX.cast_unsigned() + 2, u64::MAX] {
        let wish = format!(r#"{{"op":"subscribe","channel":"orders","account":"{account}","after":{after}}}"#);
        listener.say(&wish).await;
        let heard = listener.hear("\"detail\"").await;
        assert!(heard.contains("\"code\":\"cursor_ahead\""), "{after}: {heard}");
        let cursor = Cursor::new(format!("orders|{account}|{after}")).to_string();
        let path = format!("/v1/stream?channels=orders&accounts={account}");
        let answer = world.call("trader", "GET", &path, &[("Last-Event-ID", &cursor)], "").await;
        crate::server::assert_problem(&answer, 400, "invalid_cursor", &cursor);
    }
}
