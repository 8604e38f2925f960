//! Orders that were taken in do not starve behind newer ones.

use std::sync::Arc;

use futures_util::FutureExt;
use velox_trading::{AccountWriter, Command};

use super::ledger::{Ledger, cause};

#[tokio::test]
async fn clients_wait_while_the_executor_is_behind_and_its_own_commands_do_not() {
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
    let lanes = Arc::clone(&process.lanes);
    let place = Command::Place(ledger.order());
    let late = tokio::spawn(async move { lanes.execute(account, place, cause()).await });
    let route = process.lanes.enqueue(account, Command::Route { order: orders[0] }, cause()).await.unwrap();
    route.await.unwrap().unwrap();
    assert!(!late.is_finished(), "the executor has not taken an order yet");
    let mut told = Vec::new();
    process.work.recv_many(&mut told, 1).now_or_never().unwrap();
    assert_eq!(told[0].id, orders[0]);
    late.await.unwrap().unwrap();
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
