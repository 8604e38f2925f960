//! Accounts over HTTP: worth, past states, the log, halts, limits and resets.

use serde_json::{Value, json};

use super::world::World;
use crate::server::assert_problem;

#[actix_web::test]
async fn an_account_shows_what_it_is_worth() {
    let world = World::start().await;
    let order = world.place(json!({"type": "market", "limit_price": null})).await;
    world.work(&order).await;
    world.fill(&order, "0.5", "46000").await;
    world.place(json!({"quantity": "0.1"})).await;
    world.market.set("BTC-PERP", "47000", "2026-01-05T12:00:01Z".parse().unwrap());
    let account = world.get(&format!("/v1/accounts/{}", world.account)).await.json();
    assert_eq!(
        account["valuations"],
        json!([{
            "currency": "USD", "cash": "99999", "unrealised": "500", "equity": "100499", "margin_used": "23500",
            "reserved": "4500", "buying_power": "72499",
        }])
    );
    assert_eq!(
        account["balances"],
        json!([{"currency": "USD", "cash": "99999", "deposited": "100000", "realised": "0", "fees": "1"}])
    );
    assert_eq!(account["day"], json!({"began_at": "2026-01-05T00:00:00Z", "realised": "0", "fees": "1", "orders": 2}));
    assert_eq!((&account["leverage"], &account["paper"], &account["halt"]), (&json!("1"), &json!(true), &Value::Null));
    let listed = world.get("/v1/accounts").await.json();
    for member in ["id", "connection_id", "name", "paper", "currency", "halt", "limits", "opened_at"] {
        assert_eq!(listed["items"][0][member], account[member], "{member}");
    }
    let state = world.get(&format!("/v1/accounts/{}/state", world.account)).await.json();
    assert_eq!(state["account"], account);
    assert_eq!(state["positions"][0]["unrealised"], "500");
    assert_eq!((&state["open_order_count"], &state["open_orders"][0]["quantity"]), (&json!(1), &json!("0.1")));
}

#[actix_web::test]
async fn a_past_state_is_marked_with_the_prices_of_that_time() {
    let world = World::start().await;
    let order = world.place(json!({"type": "market", "limit_price": null})).await;
    world.work(&order).await;
    world.fill(&order, "0.5", "46000").await;
    world.clock.advance(std::time::Duration::from_secs(60));
    world.market.set("BTC-PERP", "46000", "2026-01-05T12:01:00Z".parse().unwrap());
    world.place(json!({"quantity": "0.1"})).await;
    let state = async |at: &str| world.get(&format!("/v1/accounts/{}/state?at={at}", world.account)).await;
    let then = state("2026-01-05T12:00:30Z").await.json();
    assert_eq!((&then["at"], &then["account"]["seq"]), (&json!("2026-01-05T12:00:30Z"), &json!(5)));
    assert_eq!(
        (&then["positions"][0]["mark_price"], &then["positions"][0]["unrealised"]),
        (&json!("40000"), &json!("-3000")),
    );
    assert_eq!(then["account"]["valuations"][0]["equity"], "96999");
    assert_eq!((&then["open_order_count"], &then["open_orders"]), (&json!(0), &json!([])));
    assert_eq!(state("2026-01-05T12:02:00%2B00:00").await.json()["open_order_count"], 1);
    assert_problem(&state("2026-01-05T11:59:59Z").await, 404, "not_found", "before it was opened");
    assert_problem(&state("noon").await, 400, "invalid_parameter", "no time");
}

#[actix_web::test]
async fn the_log_is_read_in_pages_and_chains() {
    let world = World::start().await;
    let order = world.place(json!({})).await;
    world.work(&order).await;
    let page = async |query: &str| world.get(&format!("/v1/accounts/{}/events?{query}", world.account)).await.json();
    let (mut after, mut events) = (0, vec![]);
    loop {
        let found = page(&format!("after={after}&limit=2")).await;
        events.extend(found["items"].as_array().unwrap().clone());
        match found["next"].as_u64() {
            Some(next) => after = next,
            None => break,
        }
    }
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["account_opened", "order_accepted", "order_routed", "order_acknowledged"]);
    let mut before = json!("0".repeat(64));
    for (seq, event) in (1..).zip(&events) {
        assert_eq!((&event["seq"], &event["prev_hash"]), (&json!(seq), &before));
        assert_eq!(event["data"]["type"], event["type"]);
        before = event["hash"].clone();
    }
    assert_eq!(events[1]["actor"]["kind"], "user");
    assert!(events[1]["actor"]["id"].as_str().unwrap().starts_with("usr_"));
    assert!(events[1]["request_id"].as_str().unwrap().starts_with("req_"));
    assert_eq!((&events[2]["actor"], &events[2]["request_id"]), (&json!({"kind": "system"}), &Value::Null));
    assert_eq!(events[1]["data"]["order_id"], order["id"]);
    assert_eq!(page("after=4").await, json!({"items": [], "next": null}));
    let path = format!("/v1/accounts/{}/events", world.account);
    for query in ["after=-1", "after=x", "after=18446744073709551615", "limit=0", "limit=501"] {
        assert_problem(&world.get(&format!("{path}?{query}")).await, 400, "invalid_parameter", query);
    }
}

#[actix_web::test]
async fn a_halted_account_takes_no_orders_until_it_is_resumed() {
    let world = World::start().await;
    let open = world.place(json!({})).await;
    let path = |verb: &str| format!("/v1/accounts/{}/{verb}", world.account);
    assert_problem(&world.post(&path("resume"), &Value::Null).await, 409, "conflict", "it trades");
    let halt = json!({"mode": "halted", "reason": "lunch", "cancel_open": true});
    let answer = world.post(&path("halt"), &halt).await;
    assert_eq!((answer.status, &answer.json()["halt"]), (200, &json!("halted")), "{}", answer.json());
    let seen = world.get(&format!("/v1/orders/{}", open["id"].as_str().unwrap())).await.json();
    assert_eq!(seen["status"], "canceled");
    let events = world.events().await;
    assert_eq!(world.post(&path("halt"), &halt).await.status, 200);
    assert_eq!(world.events().await, events, "halting again changes nothing");
    let denied = world.post("/v1/orders", &world.order(json!({}))).await;
    assert_problem(&denied, 422, "order_denied", "halted");
    assert_eq!((&denied.json()["rule"], &denied.json()["limit"]), (&json!("account_state"), &Value::Null));
    for body in [
        json!({"mode": "closed", "reason": "x"}),
        json!({"mode": "halted"}),
        json!({"mode": "halted", "reason": ""}),
        json!({"mode": "halted", "reason": "a\u{0}b"}),
        json!({"mode": "halted", "reason": "x".repeat(201)}),
        json!({"mode": "halted", "reason": "x", "why": "y"}),
    ] {
        assert_problem(&world.post(&path("halt"), &body).await, 422, "invalid_request", &body.to_string());
    }
    let resumed = world.post(&path("resume"), &Value::Null).await;
    assert_eq!((resumed.status, &resumed.json()["halt"]), (200, &Value::Null));
    world.place(json!({})).await;
}

#[actix_web::test]
async fn limits_hold_from_then_on() {
    let world = World::start().await;
    let put = async |body: &Value| {
        world.call("trader", "PUT", &format!("/v1/accounts/{}/limits", world.account), &[], &body.to_string()).await
    };
    let answer = put(&json!({"max_order_quantity": 0.2, "price_collar": "5.5", "daily_trades": 9})).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(
        answer.json()["limits"],
        json!({
            "max_order_quantity": "0.2", "max_order_notional": null, "max_position": null, "price_collar": "5.5",
            "daily_loss": null, "daily_trades": 9, "max_open_orders": 10000,
        })
    );
    let denied = world.post("/v1/orders", &world.order(json!({}))).await.json();
    assert_eq!(
        (&denied["rule"], &denied["limit"], &denied["used"]),
        (&json!("max_order_quantity"), &json!("0.2"), &json!("0.5"))
    );
    assert_eq!(put(&json!({})).await.json()["limits"]["max_order_quantity"], Value::Null, "what is left out sets none");
    for (body, pointer) in [
        (json!({"max_order_quantity": "-1"}), "/max_order_quantity"),
        (json!({"max_order_notional": "-0.1"}), "/max_order_notional"),
        (json!({"price_collar": "-5"}), "/price_collar"),
        (json!({"daily_loss": "much"}), "/daily_loss"),
        (json!({"daily_trades": -1}), "/daily_trades"),
        (json!({"max_open_orders": 0}), "/max_open_orders"),
        (json!({"max_open_orders": 10001}), "/max_open_orders"),
        (json!({"leverage": "100"}), "/leverage"),
    ] {
        let answer = put(&body).await;
        assert_problem(&answer, 422, "invalid_request", &body.to_string());
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
    }
}

#[actix_web::test]
async fn a_paper_account_is_reset_when_nothing_is_open() {
    let world = World::start().await;
    let path = format!("/v1/accounts/{}/reset", world.account);
    let order = world.place(json!({})).await;
    let fresh = json!({"cash": "5000"});
    assert_problem(&world.post(&path, &fresh).await, 409, "conflict", "an order is open");
    world.delete(&format!("/v1/orders/{}", order["id"].as_str().unwrap())).await;
    let answer = world.post(&path, &fresh).await;
    assert_eq!((answer.status, &answer.json()["balances"][0]["cash"]), (200, &json!("5000")));
    let negative = world.post(&path, &json!({"cash": "-1"})).await;
    assert_problem(&negative, 422, "invalid_request", "negative");
    assert_eq!(negative.json()["errors"][0]["pointer"], "/cash");
    let real = world.open_real().await;
    let answer = world.post(&format!("/v1/accounts/{real}/reset"), &fresh).await;
    assert_problem(&answer, 409, "conflict", "not a paper account");
    assert_problem(
        &world.get("/v1/accounts/ord_01h455vb4pex5vsknk084sn02q").await,
        400,
        "invalid_parameter",
        "no account id",
    );
}
