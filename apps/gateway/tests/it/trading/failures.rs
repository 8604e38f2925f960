//! What the writers and the store cannot do is answered with the truth about the outcome.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use serde_json::json;
use velox_kernel::{AccountId, OrgId};
use velox_trading::{Account, AccountWriter, Cause, Command, ExecuteError, Executed, StoreError};

use super::world::World;
use crate::server::assert_problem;

/// A writer that fails every client in the same way.
struct Failing(ExecuteError);

#[async_trait]
impl AccountWriter for Failing {
    async fn execute(&self, _: AccountId, _: Command, _: Cause) -> Result<Executed, ExecuteError> {
        Err(self.0.clone())
    }

    async fn execute_for(&self, _: OrgId, _: AccountId, _: Command, _: Cause) -> Result<Executed, ExecuteError> {
        Err(self.0.clone())
    }

    async fn read(&self, _: AccountId) -> Result<Account, ExecuteError> {
        Err(self.0.clone())
    }
}

#[actix_web::test]
async fn failures_say_whether_anything_was_done() {
    let away = || "the disk is away".to_owned();
    for (error, status, code, outcome, retryable) in [
        (ExecuteError::Overloaded, 503, "overloaded", "not_executed", true),
        (ExecuteError::Contended, 503, "overloaded", "not_executed", true),
        (ExecuteError::ShuttingDown, 503, "shutting_down", "not_executed", true),
        (StoreError::Unavailable(away()).into(), 503, "store_unavailable", "not_executed", true),
        (StoreError::Full(away()).into(), 503, "store_unavailable", "not_executed", true),
        (StoreError::OutcomeUnknown(away()).into(), 503, "outcome_unknown", "unknown", true),
        (StoreError::Corrupt(away()).into(), 500, "internal", "unknown", true),
    ] {
        let about = error.to_string();
        let world = World::with(|trading| velox_trading::Trading { writer: Arc::new(Failing(error)), ..trading }).await;
        let account = world.account;
        let order = world.order(json!({"client_order_id": "a"}));
        for (method, path, body) in [
            ("POST", "/v1/orders".to_owned(), order.to_string()),
            ("DELETE", format!("/v1/orders?account_id={account}"), String::new()),
            ("DELETE", format!("/v1/positions/BTC-PERP?account_id={account}"), String::new()),
            ("POST", format!("/v1/accounts/{account}/resume"), String::new()),
            ("POST", format!("/v1/accounts/{account}/halt"), r#"{"mode":"halted","reason":"x"}"#.to_owned()),
        ] {
            let answer = world.call("trader", method, &path, &[], &body).await;
            assert_problem(&answer, status, code, &format!("{method} {path}: {about}"));
            let problem = answer.json();
            assert_eq!((&problem["outcome"], &problem["retryable"]), (&json!(outcome), &json!(retryable)), "{about}");
            assert_eq!(answer.header("retry-after").is_some(), status == 503, "{about}");
            assert!(!problem.to_string().contains("disk"), "{about}");
        }
        let read = world.get(&format!("/v1/accounts/{account}")).await;
        assert_problem(&read, status, code, &about);
    }
}

#[actix_web::test]
async fn an_instrument_that_cannot_be_looked_up_is_a_store_that_is_away() {
    let world = World::start().await;
    let answer = world.post("/v1/orders", &world.order(json!({"symbol": "AWAY"}))).await;
    assert_problem(&answer, 503, "store_unavailable", "instruments");
    assert_eq!(answer.json()["outcome"], "not_executed");
}

#[actix_web::test]
async fn what_was_carried_out_is_never_said_not_to_be() {
    let world = World::start().await;
    let order = world.place(json!({"client_order_id": "once"})).await;
    let reads = |left| world.behind.reads_left.store(left, Ordering::SeqCst);

    // The same request again: the writer knows that it was carried out, and its answer cannot be read.
    reads(0);
    let answer = world.post("/v1/orders", &world.order(json!({"client_order_id": "once"}))).await;
    assert_problem(&answer, 503, "store_unavailable", "repeated");
    assert_eq!((&answer.json()["outcome"], &answer.json()["order_id"]), (&json!("executed"), &order["id"]));

    // Cancelled with the first read, and not readable afterwards.
    reads(1);
    let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    let answer = world.delete(&path).await;
    assert_problem(&answer, 503, "store_unavailable", "cancelled");
    assert_eq!(answer.json()["outcome"], "executed");
    reads(i64::MAX);
    assert_eq!(world.get(&path).await.json()["status"], "canceled");

    // With nothing read at all, nothing was done.
    let other = world.place(json!({})).await;
    reads(0);
    let path = format!("/v1/orders/{}", other["id"].as_str().unwrap());
    assert_eq!(world.delete(&path).await.json()["outcome"], "not_executed");
    reads(i64::MAX);
    assert_eq!(world.get(&path).await.json()["status"], "pending_new");
}

#[actix_web::test]
async fn an_order_keeps_its_answer_when_its_instrument_takes_no_more() {
    let world = World::start().await;
    let first = world.place(json!({"client_order_id": "early", "symbol": "BRK.B"})).await;
    world.delisted.store(true, Ordering::SeqCst);
    let again = world.post("/v1/orders", &world.order(json!({"client_order_id": "early", "symbol": "BRK.B"}))).await;
    assert_eq!((again.status, &again.json()["id"]), (201, &first["id"]));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let other = world.post("/v1/orders", &world.order(json!({"client_order_id": "late", "symbol": "BRK.B"}))).await;
    assert_problem(&other, 422, "unknown_symbol", "delisted");
}
