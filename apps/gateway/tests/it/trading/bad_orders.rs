//! Bad orders get a precise answer and change nothing.

use serde_json::{Value, json};

use super::world::World;
use crate::server::assert_problem;

/// Members of an order that replace the good ones (`null` removes), code, JSON pointer of the first error, words.
fn cases() -> Vec<(Value, &'static str, &'static str, &'static str)> {
    vec![
        (json!({"quantity": "0"}), "invalid_request", "/quantity", "above zero"),
        (json!({"quantity": "-1"}), "invalid_request", "/quantity", "above zero"),
        (json!({"quantity": "NaN"}), "invalid_request", "/quantity", "not a decimal number"),
        (json!({"quantity": "1e400"}), "invalid_request", "/quantity", "too large"),
        (json!({"quantity": "1234567890123456789012345678901234567890"}), "invalid_request", "/quantity", "too large"),
        (json!({"quantity": "0.0000000000001"}), "invalid_request", "/quantity", "12 decimal places"),
        (json!({"quantity": true}), "invalid_request", "/quantity", "decimal number"),
        (json!({"quantity": null}), "invalid_request", "/quantity", "missing"),
        (json!({"quantity": "0.00005"}), "off_lot", "/quantity", "lot size 0.0001"),
        (
            json!({"quantity": "9999999999999999", "limit_price": "9999999999999999"}),
            "invalid_request",
            "/quantity",
            "too large",
        ),
        (json!({"limit_price": "0"}), "invalid_request", "/limit_price", "above zero"),
        (json!({"limit_price": "-46000"}), "invalid_request", "/limit_price", "above zero"),
        (json!({"limit_price": "45000.5"}), "off_tick", "/limit_price", "tick size 1"),
        (json!({"limit_price": null}), "invalid_request", "/limit_price", "needed"),
        (json!({"stop_price": "47000"}), "invalid_request", "/stop_price", "no place"),
        (json!({"type": "market"}), "invalid_request", "/limit_price", "no place"),
        (json!({"type": "stop"}), "invalid_request", "/limit_price", "/stop_price"),
        (json!({"type": "stop_limit"}), "invalid_request", "/stop_price", "needed"),
        (json!({"type": "stop_limit", "stop_price": "47000.1"}), "off_tick", "/stop_price", "tick size"),
        (
            json!({"type": "stop_limit", "stop_price": "47000", "time_in_force": "ioc"}),
            "invalid_request",
            "/time_in_force",
            "",
        ),
        (json!({"type": "trailing_stop"}), "invalid_request", "/type", "unknown variant"),
        (json!({"type": null}), "invalid_request", "/type", "missing"),
        (json!({"time_in_force": "GTC"}), "invalid_request", "/time_in_force", "unknown variant"),
        (json!({"side": "long"}), "invalid_request", "/side", "unknown variant"),
        (json!({"symbol": "DOGE"}), "unknown_symbol", "/symbol", "names no instrument"),
        (json!({"symbol": "OLD"}), "unknown_symbol", "/symbol", "names no instrument"),
        (json!({"symbol": "btc-perp"}), "invalid_request", "/symbol", "A-Z"),
        (json!({"symbol": 7}), "invalid_request", "/symbol", "invalid type"),
        (json!({"account_id": "acc_7"}), "invalid_request", "/account_id", "acc_"),
        (json!({"client_order_id": "a b"}), "invalid_request", "/client_order_id", "without spaces"),
        (json!({"client_order_id": ""}), "invalid_request", "/client_order_id", "1 to 64"),
        (json!({"client_order_id": "x".repeat(65)}), "invalid_request", "/client_order_id", "1 to 64"),
        (json!({"strategy_id": "x"}), "invalid_request", "/strategy_id", "str_"),
        (json!({"reduce_only": "yes"}), "invalid_request", "/reduce_only", "boolean"),
        (json!({"tags": ["a b"]}), "invalid_request", "/tags/0", "without spaces"),
        (json!({"tags": vec!["t"; 11]}), "invalid_request", "/tags", "length"),
        (json!({"qty": "1"}), "invalid_request", "/qty", "unknown field"),
        (json!({"quantity": "0.0001", "limit_price": "1"}), "below_minimum", "/quantity", "minimum of 1"),
    ]
}

#[actix_web::test]
async fn bad_orders_are_refused_precisely_and_change_nothing() {
    let world = World::start().await;
    let events = world.events().await;
    for path in ["/v1/orders", "/v1/orders/explain"] {
        for (with, code, pointer, words) in cases() {
            let about = format!("{path} {with}");
            let answer = world.post(path, &world.order(with)).await;
            assert_problem(&answer, 422, code, &about);
            let problem = answer.json();
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{about}: {problem}");
            assert!(problem["errors"].to_string().contains(words), "{about}: {problem}");
            assert_eq!(problem["outcome"], "not_executed", "{about}");
        }
    }
    assert_eq!(world.events().await, events);
    assert_eq!(world.get("/v1/orders").await.json()["items"], json!([]));
}

#[actix_web::test]
async fn what_is_no_json_is_refused_before_anything_is_looked_up() {
    let world = World::start().await;
    let good = world.order(json!({})).to_string();
    let doubled = good.replacen('{', r#"{"quantity":"1","#, 1);
    let nan = good.replace(r#""0.5""#, "NaN");
    let escaped = good.replacen('{', r#"{"quantit\u0079":"1","#, 1);
    for body in ["{", " ", doubled.as_str(), nan.as_str(), escaped.as_str()] {
        let answer = world.call("trader", "POST", "/v1/orders", &[], body).await;
        assert_problem(&answer, 400, "malformed_json", body);
    }
    let forty = good.replace(r#""0.5""#, "1234567890123456789012345678901234567890");
    let answer = world.call("trader", "POST", "/v1/orders", &[], &forty).await;
    assert_problem(&answer, 422, "invalid_request", "forty bare digits");
    assert_eq!(answer.json()["errors"][0]["pointer"], "/quantity");
    assert_eq!(world.events().await, 1);
}

#[actix_web::test]
async fn a_market_without_a_price_takes_no_market_order_and_an_old_price_is_denied() {
    let world = World::start().await;
    let quiet = json!({"symbol": "QUIET", "type": "market", "limit_price": null});
    let answer = world.post("/v1/orders", &world.order(quiet)).await;
    assert_problem(&answer, 422, "order_denied", "no price");
    assert_eq!(answer.json()["rule"], "price_stale");
    world.clock.advance(std::time::Duration::from_secs(61));
    let answer = world.post("/v1/orders", &world.order(json!({}))).await;
    assert_problem(&answer, 422, "order_denied", "old price");
    assert_eq!((&answer.json()["rule"], &answer.json()["limit"]), (&json!("price_stale"), &json!("60")));
}

#[actix_web::test]
async fn an_unknown_account_is_not_found() {
    let world = World::start().await;
    let body = world.order(json!({"account_id": "acc_01h455vb4pex5vsknk084sn02q"}));
    for path in ["/v1/orders", "/v1/orders/explain"] {
        assert_problem(&world.post(path, &body).await, 404, "not_found", path);
    }
}
