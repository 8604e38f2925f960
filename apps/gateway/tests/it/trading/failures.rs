//! What the writers and the store cannot do is answered with the truth about the outcome.

use std::sync::Arc;

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
