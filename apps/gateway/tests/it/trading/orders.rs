//! An order's life over HTTP: placed once however often it is sent, explained, found, replaced, cancelled.

use serde_json::{Value, json};

use super::world::World;
use crate::server::assert_problem;

#[actix_web::test]
async fn an_order_is_placed_and_found_again() {
    let world = World::start().await;
    let body =
        world.order(json!({"client_order_id": "a/1", "tags": ["swing"], "quantity": 0.50, "limit_price": 4.5e4}));
    let answer = world.post("/v1/orders", &body).await;
    let order = answer.json();
    assert_eq!(answer.status, 201, "{order}");
    let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), Some(path.as_str()));
    assert_eq!(answer.header("idempotent-replayed"), None);
    for (member, value) in [
        ("account_id", json!(world.account)),
        ("client_order_id", json!("a/1")),
        ("symbol", json!("BTC-PERP")),
        ("currency", json!("USD")),
        ("side", json!("buy")),
        ("type", json!("limit")),
        ("quantity", json!("0.5")),
        ("limit_price", json!("45000")),
        ("stop_price", Value::Null),
        ("time_in_force", json!("gtc")),
        ("reduce_only", json!(false)),
        ("tags", json!(["swing"])),
        ("status", json!("pending_new")),
        ("filled_quantity", json!("0")),
        ("remaining_quantity", json!("0.5")),
        ("average_price", Value::Null),
        ("placed_at", json!("2026-01-05T12:00:00Z")),
        ("first_seq", json!(2)),
        ("denial", Value::Null),
    ] {
        assert_eq!(order[member], value, "{member}");
    }
    assert_eq!(world.get(&path).await.json(), order);
    let by_name = format!("/v1/orders/by-client-id?account_id={}&client_order_id=a%2F1", world.account);
    assert_eq!(world.get(&by_name).await.json(), order);
    assert_problem(&world.get(&by_name.replace("a%2F1", "b")).await, 404, "not_found", "another name");
    assert_eq!(world.get("/v1/orders").await.json(), json!({"items": [order], "next": null}));
}

#[actix_web::test]
async fn every_type_of_order_is_taken() {
    let world = World::start().await;
    for with in [
        json!({"type": "market", "limit_price": null, "time_in_force": "ioc"}),
        json!({"type": "limit", "time_in_force": "fok"}),
        json!({"type": "stop", "limit_price": null, "stop_price": "47000", "time_in_force": "day"}),
        json!({"type": "stop_limit", "stop_price": "47000", "limit_price": "47100"}),
    ] {
        let mut small = with.clone();
        small["quantity"] = json!("0.1");
        let order = world.place(small).await;
        for (member, value) in with.as_object().unwrap() {
            assert_eq!(order[member], *value, "{with}: {member}");
        }
        assert_eq!(order["expires_at"].is_string(), with["time_in_force"] == "day", "{with}");
    }
}

#[actix_web::test]
async fn the_same_request_gets_the_same_answer_and_another_one_a_conflict() {
    let world = World::start().await;
    let body = world.order(json!({"client_order_id": "once"}));
    let first = world.post("/v1/orders", &body).await;
    world.work(&first.json()).await;
    let events = world.events().await;
    // Another spelling of the same numbers, and an order that has moved on: still the first answer.
    let again = world.order(json!({"client_order_id": "once", "quantity": "0.500", "limit_price": 45000.0}));
    let second = world.post("/v1/orders", &again).await;
    assert_eq!((second.status, second.json()), (201, first.json()));
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
    assert_eq!(second.header("location"), first.header("location"));

    let other = world.post("/v1/orders", &world.order(json!({"client_order_id": "once", "quantity": "0.6"}))).await;
    assert_problem(&other, 409, "idempotency_conflict", "another request");
    assert_eq!(other.json()["order_id"], first.json()["id"]);
    assert_eq!(other.json()["outcome"], "not_executed");
    assert_eq!(world.events().await, events, "nothing was written");
}

#[actix_web::test]
async fn the_idempotency_key_is_the_name_where_the_body_gives_none() {
    let world = World::start().await;
    let (unnamed, named) =
        (world.order(json!({})).to_string(), world.order(json!({"client_order_id": "mine"})).to_string());
    let keyed = async |body: &str, key: &str| {
        world.call("trader", "POST", "/v1/orders", &[("Idempotency-Key", key)], body).await
    };
    let first = keyed(&unnamed, "key-1").await;
    assert_eq!(first.json()["client_order_id"], "key-1");
    let second = keyed(&unnamed, "key-1").await;
    assert_eq!((second.json(), second.header("idempotent-replayed")), (first.json(), Some("true")));
    assert_eq!(keyed(&named, "key-1").await.json()["client_order_id"], "mine", "the body's name wins");
    for key in ["", "a b", &"x".repeat(65), "caf\u{e9}"] {
        let events = world.events().await;
        assert_problem(&keyed(&unnamed, key).await, 400, "invalid_parameter", key);
        assert_eq!(world.events().await, events, "{key}");
    }
    let twice = [("Idempotency-Key", "k1"), ("Idempotency-Key", "k2")];
    let answer = world.call("trader", "POST", "/v1/orders", &twice, &unnamed).await;
    assert_problem(&answer, 400, "invalid_parameter", "two keys");
}

#[actix_web::test]
async fn a_denial_names_the_order_the_rule_and_its_numbers() {
    let world = World::start().await;
    let body = world.order(json!({"client_order_id": "big", "quantity": "3"}));
    for replayed in [None, Some("true")] {
        let answer = world.post("/v1/orders", &body).await;
        assert_problem(&answer, 422, "order_denied", "too large");
        let problem = answer.json();
        assert_eq!(answer.header("idempotent-replayed"), replayed);
        assert_eq!(
            (&problem["rule"], &problem["limit"], &problem["used"], &problem["headroom"]),
            (&json!("buying_power"), &json!("100000"), &json!("135000"), &json!("100000")),
        );
        assert_eq!((&problem["retryable"], &problem["outcome"]), (&json!(false), &json!("not_executed")));
        assert_eq!(problem["order"]["status"], "denied");
        assert_eq!(problem["order"]["denial"]["rule"], "buying_power");
        let kept = world.get(&format!("/v1/orders/{}", problem["order"]["id"].as_str().unwrap())).await;
        assert_eq!(kept.json(), problem["order"]);
    }
    let denied = world.get("/v1/orders?status=denied").await.json();
    assert_eq!(denied["items"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn explain_says_what_placing_would_do_and_does_nothing() {
    let world = World::start().await;
    let events = world.events().await;
    for (amount, accepted) in [("0.5", true), ("3", false)] {
        let body = world.order(json!({"quantity": amount})).to_string();
        let answer = world.call("viewer", "POST", "/v1/orders/explain", &[], &body).await;
        let explained = answer.json();
        assert_eq!(answer.status, 200, "{explained}");
        assert_eq!((&explained["accepted"], &explained["seq"]), (&json!(accepted), &json!(events)));
        assert_eq!(
            explained["prices"][0],
            json!({"symbol": "BTC-PERP", "price": "46000", "at": "2026-01-05T12:00:00Z"})
        );
        let rules = explained["rules"].as_array().unwrap();
        assert_eq!(rules.len(), velox_trading::Rule::ALL.len());
        for (rule, verdict) in velox_trading::Rule::ALL.iter().zip(rules) {
            assert_eq!(verdict["rule"], rule.as_str());
        }
        let power = rules.iter().find(|rule| rule["rule"] == "buying_power").unwrap();
        assert_eq!((&power["passed"], &power["limit"]), (&json!(accepted), &json!("100000")));
        assert_eq!(world.events().await, events, "nothing was written");
    }
    let placed = world.post("/v1/orders", &world.order(json!({"quantity": "3"}))).await.json();
    assert_eq!((&placed["rule"], &placed["used"]), (&json!("buying_power"), &json!("135000")));
}

#[actix_web::test]
async fn lists_filter_and_page() {
    let world = World::start().await;
    let mut ids = vec![];
    for (symbol, side) in [("BTC-PERP", "buy"), ("BTC/USD", "buy"), ("BRK.B", "buy")] {
        let order = world.place(json!({"symbol": symbol, "side": side, "quantity": "0.1"})).await;
        ids.insert(0, order["id"].clone());
    }
    let listed = async |query: &str| {
        let answer = world.get(&format!("/v1/orders?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.json());
        answer.json()["items"].as_array().unwrap().iter().map(|order| order["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(listed("").await, ids);
    assert_eq!(listed("symbol=BTC%2FUSD").await, ids[1..2]);
    assert_eq!(listed("symbol=BRK.B&side=buy&status=open").await, ids[..1]);
    assert!(listed("side=sell").await.is_empty());
    assert!(listed("status=filled,closed").await.is_empty());
    assert_eq!(listed(&format!("account_id={}", world.account)).await, ids);
    let first = world.get("/v1/orders?limit=2").await.json();
    let next = first["next"].as_str().unwrap();
    let second = world.get(&format!("/v1/orders?limit=2&after={next}")).await.json();
    assert_eq!((second["items"].as_array().unwrap().len(), &second["next"]), (1, &Value::Null));
    assert_eq!(second["items"][0]["id"], ids[2]);
    let other = world.open_real().await;
    let there = world.place(json!({"account_id": other, "client_order_id": "there"})).await;
    let both: Vec<_> = std::iter::once(there["id"].clone()).chain(ids.iter().cloned()).collect();
    assert_eq!(listed(&format!("account_id={other},{0},{other}", world.account)).await, both);
    assert_eq!(listed(&format!("account_id={other}")).await, both[..1]);
    for (accounts, status, code) in [
        (format!("{},acc_01h455vb4pex5vsknk084sn02q", world.account), 404, "not_found"),
        (vec![world.account.to_string(); 21].join(","), 400, "invalid_parameter"),
    ] {
        assert_problem(&world.get(&format!("/v1/orders?account_id={accounts}")).await, status, code, &accounts);
        assert_problem(&world.get(&format!("/v1/trades?account_id={accounts}")).await, status, code, &accounts);
    }
    for (query, code) in [
        ("limit=0", "invalid_parameter"),
        ("limit=501", "invalid_parameter"),
        ("status=sold", "invalid_parameter"),
        ("side=hold", "invalid_parameter"),
        ("symbol=btc", "invalid_parameter"),
        ("account_id=7", "invalid_parameter"),
        ("strategy_id=acc_01h455vb4pex5vsknk084sn02q", "invalid_parameter"),
        ("page=2", "invalid_parameter"),
        ("side=buy&side=sell", "invalid_parameter"),
        ("after=%21", "invalid_cursor"),
        ("after=b3JkXzE", "invalid_cursor"),
    ] {
        assert_problem(&world.get(&format!("/v1/orders?{query}")).await, 400, code, query);
    }
}

#[actix_web::test]
async fn an_order_is_cancelled_at_once_or_by_its_broker() {
    let world = World::start().await;
    let unseen = world.place(json!({})).await;
    let path = format!("/v1/orders/{}", unseen["id"].as_str().unwrap());
    let answer = world.delete(&path).await;
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("canceled")));
    assert_eq!(answer.json()["end_reason"], json!({"code": "by_client", "text": null}));
    let again = world.delete(&path).await;
    assert_problem(&again, 409, "order_not_open", "cancelled before");
    assert_eq!(again.json()["order_status"], "canceled");

    let working = world.place(json!({})).await;
    world.work(&working).await;
    let path = format!("/v1/orders/{}", working["id"].as_str().unwrap());
    for _ in 0..2 {
        let answer = world.delete(&path).await;
        assert_eq!((answer.status, &answer.json()["status"]), (202, &json!("pending_cancel")));
    }
    world.fill(&working, "0.5", "45000").await;
    assert_eq!(world.get(&path).await.json()["status"], "filled", "a fill that is faster wins");
}

#[actix_web::test]
async fn all_orders_are_cancelled_or_those_of_one_instrument() {
    let world = World::start().await;
    let a = world.place(json!({"quantity": "0.1"})).await;
    let b = world.place(json!({"quantity": "0.1", "symbol": "BTC/USD"})).await;
    let c = world.place(json!({"quantity": "0.1"})).await;
    let all = format!("/v1/orders?account_id={}", world.account);
    let one = world.delete(&format!("{all}&symbol=BTC%2FUSD")).await;
    assert_eq!((one.status, one.json()), (200, json!({"order_ids": [b["id"]]})));
    assert_eq!(world.delete(&all).await.json(), json!({"order_ids": [a["id"], c["id"]]}));
    assert_eq!(world.delete(&all).await.json(), json!({"order_ids": []}));
    assert_problem(&world.delete("/v1/orders").await, 400, "invalid_parameter", "no account");
}

#[actix_web::test]
async fn an_order_is_replaced_at_once_or_by_its_broker() {
    let world = World::start().await;
    let patch = async |order: &Value, body: &Value| {
        let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
        world.call("trader", "PATCH", &path, &[], &body.to_string()).await
    };
    let unseen = world.place(json!({})).await;
    let answer = patch(&unseen, &json!({"limit_price": "44000", "client_order_id": "next"})).await;
    let new = answer.json();
    assert_eq!(answer.status, 200, "{new}");
    assert_eq!(
        (&new["replaces"], &new["limit_price"], &new["quantity"]),
        (&unseen["id"], &json!("44000"), &json!("0.5"))
    );
    assert_eq!(answer.header("location"), Some(format!("/v1/orders/{}", new["id"].as_str().unwrap()).as_str()));
    let repeated = patch(&unseen, &json!({"limit_price": 4.4e4, "client_order_id": "next"})).await;
    assert_eq!((repeated.status, repeated.json()["id"].clone()), (200, new["id"].clone()), "{}", repeated.json());
    assert_problem(&patch(&unseen, &json!({"limit_price": "43000"})).await, 409, "order_not_open", "replaced before");

    world.work(&new).await;
    let answer = patch(&new, &json!({"quantity": "0.7"})).await;
    assert_eq!((answer.status, &answer.json()["status"]), (202, &json!("pending_replace")));
    assert_eq!(answer.json()["pending_replacement"]["quantity"], "0.7");
    assert_problem(&patch(&new, &json!({"quantity": "0.8"})).await, 409, "order_not_open", "a change is on its way");

    let other = world.place(json!({"quantity": "0.1"})).await;
    let denied = patch(&other, &json!({"quantity": "3"})).await;
    assert_problem(&denied, 422, "order_denied", "too large");
    assert_eq!(denied.json()["rule"], "buying_power");
    for (body, code, pointer) in [
        (json!({}), "invalid_request", ""),
        (json!({"client_order_id": "only-a-name"}), "invalid_request", ""),
        (json!({"stop_price": "47000"}), "invalid_request", "/stop_price"),
        (json!({"quantity": "0"}), "invalid_request", "/quantity"),
        (json!({"limit_price": "-1"}), "invalid_request", "/limit_price"),
        (json!({"limit_price": "45000.5"}), "off_tick", "/limit_price"),
        (json!({"quantity": "0.00001"}), "off_lot", "/quantity"),
        (json!({"side": "sell"}), "invalid_request", "/side"),
    ] {
        let answer = patch(&other, &body).await;
        assert_problem(&answer, 422, code, &body.to_string());
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
    }
}

#[actix_web::test]
async fn what_belongs_to_others_is_not_there_and_viewers_only_look() {
    let world = World::start().await;
    let order = world.place(json!({"client_order_id": "mine"})).await;
    let (own, id) = (world.account, order["id"].as_str().unwrap());
    let body = world.order(json!({})).to_string();
    let calls = [
        ("POST", "/v1/orders".to_owned(), body.as_str()),
        ("PATCH", format!("/v1/orders/{id}"), r#"{"quantity":"1"}"#),
        ("DELETE", format!("/v1/orders/{id}"), ""),
        ("DELETE", format!("/v1/orders?account_id={own}"), ""),
        ("DELETE", format!("/v1/positions?account_id={own}"), ""),
        ("DELETE", format!("/v1/positions/BTC-PERP?account_id={own}"), ""),
        ("POST", format!("/v1/accounts/{own}/halt"), r#"{"mode":"halted","reason":"x"}"#),
        ("POST", format!("/v1/accounts/{own}/resume"), ""),
        ("POST", format!("/v1/accounts/{own}/reset"), r#"{"cash":"1"}"#),
        ("PUT", format!("/v1/accounts/{own}/limits"), "{}"),
    ];
    let events = world.events().await;
    for (method, path, body) in &calls {
        let about = format!("{method} {path}");
        assert_problem(&world.call("stranger", method, path, &[], body).await, 404, "not_found", &about);
        assert_problem(&world.call("viewer", method, path, &[], body).await, 403, "forbidden", &about);
    }
    assert_eq!(world.events().await, events, "nothing was written");
    for path in [
        format!("/v1/orders/{id}"),
        format!("/v1/orders/by-client-id?account_id={own}&client_order_id=mine"),
        format!("/v1/orders?account_id={own}"),
        format!("/v1/trades?account_id={own}"),
        format!("/v1/positions?account_id={own}"),
        format!("/v1/positions/BTC-PERP?account_id={own}"),
        format!("/v1/accounts/{own}"),
        format!("/v1/accounts/{own}/state"),
        format!("/v1/accounts/{own}/state?at=2026-01-05T12:00:00Z"),
        format!("/v1/accounts/{own}/events"),
    ] {
        assert_problem(&world.call("stranger", "GET", &path, &[], "").await, 404, "not_found", &path);
    }
    let explain = world.call("stranger", "POST", "/v1/orders/explain", &[], &body).await;
    assert_problem(&explain, 404, "not_found", "explain");
    let listed = world.call("stranger", "GET", "/v1/orders", &[], "").await.json();
    assert_eq!(listed, json!({"items": [], "next": null}));
    let accounts = world.call("stranger", "GET", "/v1/accounts", &[], "").await.json();
    assert_eq!(accounts["items"].as_array().unwrap().len(), 1);
    assert_eq!(accounts["items"][0]["id"], json!(world.foreign));
}
