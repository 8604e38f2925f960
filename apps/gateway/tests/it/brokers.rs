//! Broker connections over HTTP, with the accounts behind them.

use serde_json::{Value, json};
use velox_kernel::Role;

use crate::identity_house::{House, text};
use crate::server::{Answer, assert_problem};

fn paper() -> Value {
    json!({"kind": "paper", "name": "Main", "settings": {"starting_cash": "50000", "taker_fee_bps": 5}})
}

async fn create(house: &House, token: &str) -> Value {
    let answer = house.post(token, "/v1/brokers", &paper()).await;
    assert_eq!(answer.status, 201, "{}", answer.json());
    answer.json()
}

fn path(connection: &Value) -> String {
    format!("/v1/brokers/{}", text(connection, "id"))
}

#[actix_web::test]
async fn a_connection_comes_with_an_open_account() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let answer = house.post(&token, "/v1/brokers", &paper()).await;
    let made = answer.json();
    assert_eq!((answer.status, answer.header("etag")), (201, Some("\"2\"")), "{made}");
    assert_eq!(answer.header("location"), Some(path(&made).as_str()));
    assert_eq!(
        (&made["kind"], &made["environment"], &made["status"]),
        (&json!("paper"), &json!("paper"), &json!("active"))
    );
    assert_eq!(
        made["settings"],
        json!({"starting_cash": "50000", "currency": "USD", "leverage": "1", "allow_short": false,
            "maker_fee_bps": "0", "taker_fee_bps": "5", "slippage_bps": "0", "latency_ms": 0})
    );
    let read = house.get(&token, &path(&made)).await;
    assert_eq!((read.header("etag"), read.json()), (Some("\"2\""), made.clone()));
    assert_eq!(house.get(&token, "/v1/brokers").await.json(), json!({"items": [made.clone()], "next": null}));
    let account = house.get(&token, &format!("/v1/accounts/{}", text(&made, "account_id"))).await.json();
    assert_eq!(
        (&account["name"], &account["connection_id"], &account["paper"]),
        (&json!("Main"), &made["id"], &json!(true))
    );
    assert_eq!(account["balances"][0]["cash"], "50000");
}

#[actix_web::test]
async fn the_same_request_under_the_same_key_makes_one_connection() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let send = async |key: &str, body: &Value| -> Answer {
        house.call(&token, "POST", "/v1/brokers", &[("Idempotency-Key", key)], &body.to_string()).await
    };
    let first = send("k-1", &paper()).await;
    let mut respelled = paper();
    respelled["settings"]["starting_cash"] = json!(50000.0);
    let again = send("k-1", &respelled).await;
    assert_eq!((again.status, again.json()), (201, first.json()));
    let mut other = paper();
    other["settings"]["starting_cash"] = json!("1");
    assert_problem(&send("k-1", &other).await, 409, "idempotency_conflict", "another request");
    assert_eq!(house.get(&token, "/v1/brokers").await.json()["items"].as_array().unwrap().len(), 1);
    assert_ne!(send("k-2", &paper()).await.json()["id"], first.json()["id"]);
    for key in ["", "a b", &"x".repeat(256)] {
        assert_problem(&send(key, &paper()).await, 400, "invalid_parameter", key);
    }
}

#[actix_web::test]
async fn bad_connections_are_refused_where_they_are_wrong() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    for (member, value, code, pointer) in [
        ("kind", json!("alpaca"), "unsupported_broker", "/kind"),
        ("kind", json!("No Such Broker!"), "unsupported_broker", "/kind"),
        ("kind", json!(""), "invalid_request", "/kind"),
        ("kind", json!(7), "invalid_request", "/kind"),
        ("environment", json!("live"), "invalid_request", "/environment"),
        ("environment", json!("play"), "invalid_request", "/environment"),
        ("name", json!(""), "invalid_request", "/name"),
        ("settings", json!({"leverage": "101"}), "invalid_request", "/settings/leverage"),
        ("settings", json!({"starting_cash": "0"}), "invalid_request", "/settings/starting_cash"),
        ("settings", json!({"starting_cash": "NaN"}), "invalid_request", "/settings/starting_cash"),
        ("settings", json!({"latency_ms": 60001}), "invalid_request", "/settings/latency_ms"),
        ("settings", json!({"currency": "dollars"}), "invalid_request", "/settings/currency"),
        ("settings", json!({"luck": 1}), "invalid_request", "/settings/luck"),
        ("settings", Value::Null, "invalid_request", "/settings"),
        ("credentials", json!([{"field": "api_key", "value": "x"}]), "invalid_request", "/credentials"),
        ("credentials", json!([{"field": "", "value": "x"}]), "invalid_request", "/credentials/0/field"),
        ("colour", json!("red"), "invalid_request", "/colour"),
    ] {
        let mut body = paper();
        body[member] = value;
        let answer = house.post(&token, "/v1/brokers", &body).await;
        assert_problem(&answer, 422, code, &body.to_string());
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    assert_eq!(house.get(&token, "/v1/brokers").await.json()["items"], json!([]));
    assert_eq!(house.get(&token, "/v1/accounts").await.json()["items"], json!([]));
}

#[actix_web::test]
async fn what_the_ledger_began_with_stays_and_the_rest_may_change() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let path = path(&create(&house, &token).await);
    let patch = async |headers: &[(&str, &str)], body: Value| {
        house.call(&token, "PATCH", &path, headers, &body.to_string()).await
    };
    let change = json!({"name": "Other", "settings": {"maker_fee_bps": "1.5"}});
    let changed = patch(&[("If-Match", "\"2\"")], change).await;
    assert_eq!((changed.status, changed.header("etag")), (200, Some("\"3\"")), "{}", changed.json());
    let body = changed.json();
    assert_eq!(
        (&body["name"], &body["settings"]["maker_fee_bps"], &body["settings"]["taker_fee_bps"]),
        (&json!("Other"), &json!("1.5"), &json!("5"))
    );
    assert_problem(&patch(&[("If-Match", "\"2\"")], json!({})).await, 412, "precondition_failed", "stale");
    for (body, pointer) in [
        (json!({"settings": {"starting_cash": "1"}}), "/settings/starting_cash"),
        (json!({"settings": {"leverage": "5"}}), "/settings/leverage"),
        (json!({"settings": {"maker_fee_bps": "1001"}}), "/settings/maker_fee_bps"),
        (json!({"name": null}), "/name"),
        (json!({"kind": "alpaca"}), "/kind"),
        (json!({"credentials": [{"field": "api_key", "value": "x"}]}), "/credentials"),
    ] {
        let answer = patch(&[], body.clone()).await;
        assert_problem(&answer, 422, "invalid_request", &body.to_string());
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    assert_eq!(house.get(&token, &path).await.json(), body, "nothing else changed");
}

#[actix_web::test]
async fn a_making_that_was_cut_is_told_honestly_and_finished_under_its_key() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let key = [("Idempotency-Key", "k-1")];
    let send = async || house.call(&token, "POST", "/v1/brokers", &key, &paper().to_string()).await;
    house.broker_store.set_away_after(Some(0));
    let refused = send().await;
    assert_problem(&refused, 503, "store_unavailable", "the first commit failed");
    assert_eq!(refused.json()["outcome"], "not_executed");
    // The connection is kept, its account opened; then the store goes away.
    house.broker_store.set_away_after(Some(1));
    let cut = send().await;
    assert_problem(&cut, 503, "outcome_unknown", "the second commit failed");
    assert_eq!((&cut.json()["outcome"], cut.header("retry-after")), (&json!("unknown"), Some("1")));
    assert!(text(&cut.json(), "detail").contains("again under the same Idempotency-Key"), "{}", cut.json());
    house.broker_store.set_away_after(None);
    let made = send().await;
    assert_eq!((made.status, &made.json()["status"]), (201, &json!("active")));
    assert_eq!(house.get(&token, "/v1/brokers").await.json()["items"], json!([made.json()]));
    assert_eq!(house.get(&token, "/v1/accounts").await.json()["items"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_delete_that_was_cut_is_told_honestly_and_finished_by_another() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let connection = create(&house, &token).await;
    let path = path(&connection);
    let delete = async || house.call(&token, "DELETE", &path, &[], "").await;
    house.broker_store.set_away_after(Some(0));
    let refused = delete().await;
    assert_eq!((refused.status, &refused.json()["outcome"]), (503, &json!("not_executed")));
    house.broker_store.set_away_after(Some(1));
    let cut = delete().await;
    assert_problem(&cut, 503, "outcome_unknown", "the account is closed");
    assert_eq!(cut.json()["outcome"], "unknown");
    house.broker_store.set_away_after(None);
    let account = house.get(&token, &format!("/v1/accounts/{}", text(&connection, "account_id"))).await.json();
    assert_eq!(account["halt"], "closed", "that much was executed");
    assert_eq!(delete().await.status, 204);
}

#[actix_web::test]
async fn settings_change_while_an_account_has_no_book() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let connection = create(&house, &token).await;
    // As after a takeover: the book of an account without orders is built when its first order comes.
    house.paper.forget(text(&connection, "account_id").parse().unwrap());
    let change = json!({"settings": {"latency_ms": 5}}).to_string();
    let changed = house.call(&token, "PATCH", &path(&connection), &[], &change).await;
    assert_eq!((changed.status, &changed.json()["settings"]["latency_ms"]), (200, &json!(5)), "{}", changed.json());
}

#[actix_web::test]
async fn a_test_tells_what_is_missing() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let test = format!("{}/test", path(&create(&house, &token).await));
    let run = async || house.call(&token, "POST", &test, &[], "").await.json();
    let report = run().await;
    assert_eq!(report["passed"], false, "{report}");
    let passed = |report: &Value| -> Vec<(String, bool)> {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().map(|check| (text(check, "name"), check["passed"].as_bool().unwrap())).collect()
    };
    let named = |account, broker, market| {
        [("account", account), ("broker", broker), ("market_data", market)].map(|(name, ok)| (name.to_owned(), ok))
    };
    assert_eq!(passed(&report), named(true, true, false), "{report}");
    house.quote("BTC-PERP", 46_000);
    let report = run().await;
    assert_eq!((&report["passed"], passed(&report)), (&json!(true), named(true, true, true).to_vec()), "{report}");
    house.clock.advance(std::time::Duration::from_secs(11));
    assert_eq!(passed(&run().await), named(true, true, false), "the feed has gone mute");
}

#[actix_web::test]
async fn a_connection_in_use_stays_and_an_idle_one_goes() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let connection = create(&house, &token).await;
    house.quote("BTC-PERP", 46_000);
    let order = json!({"account_id": connection["account_id"], "symbol": "BTC-PERP", "side": "buy", "type": "limit",
        "quantity": "0.1", "limit_price": "45000"});
    let placed = house.post(&token, "/v1/orders", &order).await;
    assert_eq!(placed.status, 201, "{}", placed.json());
    let path = path(&connection);
    let delete = async || house.call(&token, "DELETE", &path, &[], "").await;
    assert_problem(&delete().await, 409, "connection_in_use", "an order is open");
    assert_eq!(house.get(&token, &path).await.status, 200);
    let cancel = format!("/v1/orders/{}", text(&placed.json(), "id"));
    house.call(&token, "DELETE", &cancel, &[], "").await;
    assert_eq!(delete().await.status, 204);
    assert_problem(&house.get(&token, &path).await, 404, "not_found", "gone");
    assert_problem(&delete().await, 404, "not_found", "gone already");
    let account = house.get(&token, &format!("/v1/accounts/{}", text(&connection, "account_id"))).await.json();
    assert_eq!(account["halt"], "closed", "its history stays");
    assert!(house.post(&token, "/v1/orders", &order).await.status >= 400, "a closed account takes no orders");
}

#[actix_web::test]
async fn another_tenants_connection_is_not_there() {
    let house = House::open().await;
    let owner = house.newcomer("ada@example.com").await;
    let stranger = house.newcomer("eve@example.com").await;
    let path = path(&create(&house, &owner).await);
    let test = format!("{path}/test");
    for (method, path, body) in
        [("GET", &path, ""), ("PATCH", &path, r#"{"name":"Mine"}"#), ("DELETE", &path, ""), ("POST", &test, "")]
    {
        assert_problem(&house.call(&stranger, method, path, &[], body).await, 404, "not_found", method);
    }
    assert_eq!(house.get(&stranger, "/v1/brokers").await.json()["items"], json!([]));
    assert_eq!(house.get(&owner, &path).await.json()["name"], "Main");
    assert_problem(&house.get(&owner, "/v1/brokers/7").await, 400, "invalid_parameter", "no id");
}

#[actix_web::test]
async fn a_viewer_sees_connections_and_changes_none() {
    let house = House::open().await;
    let viewer = house.newcomer_as(Role::Viewer, "vera@example.com").await;
    assert_problem(&house.post(&viewer, "/v1/brokers", &paper()).await, 403, "forbidden", "create");
    assert_eq!(house.get(&viewer, "/v1/brokers").await.json(), json!({"items": [], "next": null}));
    let catalog = house.get(&viewer, "/v1/brokers/catalog").await.json();
    assert_eq!(catalog["items"].as_array().unwrap().len(), 1);
    let paper = &catalog["items"][0];
    assert_eq!(
        (&paper["kind"], &paper["environments"], &paper["credentials"]),
        (&json!("paper"), &json!(["paper"]), &json!([]))
    );
    assert_eq!(paper["usual_settings"]["starting_cash"], "100000");
}

#[actix_web::test]
async fn connections_come_in_pages() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let (first, second) = (create(&house, &token).await, create(&house, &token).await);
    let page = house.get(&token, "/v1/brokers?limit=1").await.json();
    assert_eq!(page["items"], json!([first]));
    let rest = house.get(&token, &format!("/v1/brokers?limit=1&after={}", text(&page, "next"))).await.json();
    assert_eq!(rest, json!({"items": [second], "next": null}));
    assert_problem(&house.get(&token, "/v1/brokers?after=eA").await, 400, "invalid_cursor", "of no list");
    assert_problem(&house.get(&token, "/v1/brokers?kind=paper").await, 400, "invalid_parameter", "not known here");
}
