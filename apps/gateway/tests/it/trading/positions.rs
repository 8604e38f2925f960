//! Positions and trades over HTTP: seen, marked and closed, whatever stands in the symbol.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use velox_kernel::{AccountId, OrgId};
use velox_trading::{Account, AccountWriter, Cause, Command, ExecuteError, Executed, Trading};

use super::world::World;
use crate::server::assert_problem;

async fn bought(world: &World, symbol: &str) -> Value {
    let with = json!({"symbol": symbol, "type": "market", "limit_price": null, "quantity": "0.5"});
    let order = world.place(with).await;
    world.work(&order).await;
    world.fill(&order, "0.5", "46000").await;
    order
}

#[actix_web::test]
async fn positions_are_marked_at_the_markets_price() {
    let world = World::start().await;
    bought(&world, "BTC/USD").await;
    world.market.set("BTC/USD", "47000", "2026-01-05T12:00:01Z".parse().unwrap());
    let listed = world.get(&format!("/v1/positions?account_id={}", world.account)).await.json();
    let position = &listed["items"][0];
    for (member, value) in [
        ("account_id", json!(world.account)),
        ("strategy_id", Value::Null),
        ("symbol", json!("BTC/USD")),
        ("side", json!("long")),
        ("quantity", json!("0.5")),
        ("average_price", json!("46000")),
        ("cost", json!("23000")),
        ("mark_price", json!("47000")),
        ("notional", json!("23500")),
        ("unrealised", json!("500")),
        ("realised", json!("0")),
        ("fees", json!("1")),
    ] {
        assert_eq!(position[member], value, "{member}");
    }
    assert_eq!(listed["next"], Value::Null);
    let one = world.get(&format!("/v1/positions/BTC%2FUSD?account_id={}", world.account)).await;
    assert_eq!((one.status, &one.json()), (200, position));
    let none = world.get(&format!("/v1/positions/BTC-PERP?account_id={}", world.account)).await;
    assert_problem(&none, 404, "not_found", "flat");
    assert_problem(&world.get("/v1/positions/BTC-PERP").await, 400, "invalid_parameter", "no account");
    let small = world.get(&format!("/v1/positions/btc?account_id={}", world.account)).await;
    assert_problem(&small, 400, "invalid_parameter", "no symbol");
    // A bare slash is another path.
    let slash = world.get(&format!("/v1/positions/BTC/USD?account_id={}", world.account)).await;
    assert_problem(&slash, 404, "not_found", "bare slash");
}

#[actix_web::test]
async fn a_position_is_closed_once() {
    let world = World::start().await;
    for symbol in ["BTC/USD", "BRK.B"] {
        bought(&world, symbol).await;
    }
    let path = format!("/v1/positions/BTC%2FUSD?account_id={}", world.account);
    let close = async |key: &str| world.call("trader", "DELETE", &path, &[("Idempotency-Key", key)], "").await;
    let answer = close("close-1").await;
    let order = answer.json();
    assert_eq!(answer.status, 201, "{order}");
    assert_eq!(
        (&order["side"], &order["type"], &order["quantity"], &order["reduce_only"], &order["client_order_id"]),
        (&json!("sell"), &json!("market"), &json!("0.5"), &json!(true), &json!("close-1")),
    );
    assert_eq!(answer.header("location"), Some(format!("/v1/orders/{}", order["id"].as_str().unwrap()).as_str()));
    let again = close("close-1").await;
    assert_eq!((again.status, again.json(), again.header("idempotent-replayed")), (201, order, Some("true")));
    assert_problem(&close("close-2").await, 409, "conflict", "closing already");
    let flat = world.delete(&format!("/v1/positions/BTC-PERP?account_id={}", world.account)).await;
    assert_problem(&flat, 409, "no_position", "flat");
    let unknown = world.delete(&format!("/v1/positions/DOGE?account_id={}", world.account)).await;
    assert_problem(&unknown, 422, "unknown_symbol", "unknown");

    let all = format!("/v1/positions?account_id={}", world.account);
    let closed = world.delete(&all).await;
    assert_eq!(closed.status, 200);
    let items = closed.json()["items"].clone();
    assert_eq!((items.as_array().unwrap().len(), &items[0]["symbol"]), (1, &json!("BRK.B")));
    assert_eq!(world.delete(&all).await.json()["items"], json!([]), "both are closing");
}

/// A writer that takes a client's command for each permit.
struct Gated {
    under: Arc<dyn AccountWriter>,
    commands: Arc<Semaphore>,
}

#[async_trait]
impl AccountWriter for Gated {
    async fn execute(&self, id: AccountId, command: Command, cause: Cause) -> Result<Executed, ExecuteError> {
        self.under.execute(id, command, cause).await
    }

    async fn execute_for(
        &self,
        org: OrgId,
        id: AccountId,
        command: Command,
        cause: Cause,
    ) -> Result<Executed, ExecuteError> {
        self.commands.acquire().await.unwrap().forget();
        self.under.execute_for(org, id, command, cause).await
    }

    async fn read(&self, id: AccountId) -> Result<Account, ExecuteError> {
        self.under.read(id).await
    }
}

#[actix_web::test]
async fn all_positions_are_closed_though_nobody_waits_for_it() {
    let commands = Arc::new(Semaphore::new(2));
    let gate = Arc::clone(&commands);
    let gated =
        |trading: Trading| Trading { writer: Arc::new(Gated { under: trading.writer, commands: gate }), ..trading };
    let world = World::made(&[("server.request_timeout_ms", "200")], gated, |_| {}).await;
    for symbol in ["BTC/USD", "BRK.B"] {
        bought(&world, symbol).await;
    }
    let before = world.events().await;
    let late = world.delete(&format!("/v1/positions?account_id={}", world.account)).await;
    assert_problem(&late, 503, "outcome_unknown", "the deadline");
    assert_eq!(world.events().await, before);
    commands.add_permits(2);
    world.until_events(before + 2).await;
}

#[actix_web::test]
async fn trades_are_listed_and_paged() {
    let world = World::start().await;
    let order = world.place(json!({})).await;
    world.work(&order).await;
    for part in ["0.2", "0.3"] {
        world.clock.advance(std::time::Duration::from_secs(1));
        world.fill(&order, part, "44990").await;
    }
    let all = world.get("/v1/trades").await.json();
    let trade = &all["items"][0];
    for (member, value) in [
        ("account_id", json!(world.account)),
        ("order_id", order["id"].clone()),
        ("symbol", json!("BTC-PERP")),
        ("side", json!("buy")),
        ("quantity", json!("0.3")),
        ("price", json!("44990")),
        ("fee", json!("1")),
        ("fee_currency", json!("USD")),
        ("liquidity", json!("taker")),
        ("at", json!("2026-01-05T12:00:02Z")),
    ] {
        assert_eq!(trade[member], value, "{member}");
    }
    let first = world.get("/v1/trades?limit=1").await.json();
    let second = world.get(&format!("/v1/trades?limit=1&after={}", first["next"].as_str().unwrap())).await.json();
    assert_eq!([&first["items"][0], &second["items"][0]], [&all["items"][0], &all["items"][1]]);
    assert_eq!(second["next"], Value::Null);
    let count =
        async |query: &str| world.get(&format!("/v1/trades?{query}")).await.json()["items"].as_array().unwrap().len();
    assert_eq!(count(&format!("order_id={}", order["id"].as_str().unwrap())).await, 2);
    assert_eq!(count("from=2026-01-05T12:00:02Z").await, 1);
    assert_eq!(count("to=2026-01-05T12:00:02Z&symbol=BTC-PERP").await, 1);
    assert_eq!(count("symbol=BTC%2FUSD").await, 0);
    for query in ["from=yesterday", "order_id=x", "limit=x", "colour=red"] {
        assert_problem(&world.get(&format!("/v1/trades?{query}")).await, 400, "invalid_parameter", query);
    }
    assert_problem(&world.get("/v1/trades?after=MQ").await, 400, "invalid_cursor", "another list's cursor");
    let order = world.get(&format!("/v1/orders/{}", order["id"].as_str().unwrap())).await.json();
    assert_eq!(
        (&order["status"], &order["average_price"], &order["filled_value"], &order["broker_order_id"]),
        (&json!("filled"), &json!("44990"), &json!("22495"), &json!("broker-1")),
    );
}
