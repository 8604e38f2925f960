//! Orders that were taken in do not starve behind newer ones.

use std::sync::Arc;

use futures_util::FutureExt;
use velox_trading::{AccountWriter, Command, ExecuteError, HaltMode};

use super::ledger::{Ledger, cause};

#[tokio::test(start_paused = true)]
async fn new_orders_wait_while_the_executor_is_behind_and_nothing_else_does() {
    let ledger = Ledger::new();
    let mut process = ledger.process();
    let account = ledger.open(&process).await;
    let mut orders = Vec::new();
    // As many as the executor may be behind.
    for _ in 0..128 {
        let chunk: Vec<_> = (0..32).map(|_| ledger.order()).collect();
        orders.extend(chunk.iter().map(|order| order.order));
        for answer in process.run_together(account, chunk.into_iter().map(Command::Place)).await {
            answer.unwrap();
        }
    }
    let place = || {
        let (lanes, place) = (Arc::clone(&process.lanes), Command::Place(ledger.order()));
        tokio::spawn(async move { lanes.execute(account, place, cause()).await })
    };
    let waits = place();
    let route = process.lanes.enqueue(account, Command::Route { order: orders[0] }, cause(), None).await.unwrap();
    route.await.unwrap().unwrap();
    // What ends orders or only looks does not wait either.
    process.run(account, Command::Cancel { order: orders[1] }).await.unwrap();
    process.lanes.read(account).await.unwrap();
    assert!(!waits.is_finished(), "the executor has not taken an order yet");
    let mut told = Vec::new();
    process.work.recv_many(&mut told, 1).now_or_never().unwrap();
    assert_eq!(told[0].id, orders[0]);
    waits.await.unwrap().unwrap();

    // It stays behind: new orders are refused, and nothing is done.
    let refused = place().await.unwrap();
    assert!(matches!(refused, Err(ExecuteError::Overloaded)), "{refused:?}");
    process
        .run(account, Command::Halt { mode: HaltMode::Halted, reason: "stop".into(), cancel_open: false })
        .await
        .unwrap();
}

#[tokio::test]
async fn nobody_waits_for_an_executor_that_is_gone() {
    let ledger = Ledger::new();
    let mut process = ledger.process();
    let account = ledger.open(&process).await;
    drop(std::mem::replace(&mut process.work, velox::accounts::Hub::new().1));
    for _ in 0..160 {
        let chunk: Vec<_> = (0..32).map(|_| Command::Place(ledger.order())).collect();
        for answer in process.run_together(account, chunk).await {
            answer.unwrap();
        }
    }
}
