//! Which orders are served, when, and how often.

use std::sync::atomic::Ordering;
use std::time::Duration;

use velox_kernel::OrderId;
use velox_trading::{BrokerError, Command, EndReason, OrderStatus, ReplaceOrder, TradingLog};

use super::fake_broker::{Role, seconds};

#[tokio::test(start_paused = true)]
async fn an_order_that_is_told_of_and_found_is_claimed_and_placed_once() {
    let mut role = Role::new().await;
    let order = role.place().await;
    // Both the word of the hub and the store have it when the executor begins.
    role.execute();
    role.pass(seconds(3)).await;
    assert_eq!(*role.broker.placed.lock(), [order]);
    let events = role.ledger.store.inner.events(role.account, 0, 100).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == "order_routed").count(), 1);
    assert_eq!(role.stored(order).await.status, OrderStatus::Routed);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_nobody_told_of_is_found_in_the_store() {
    let mut role = Role::new().await;
    let other = role.ledger.process();
    let order = role.ledger.place(&other, role.account).await;
    role.execute();
    role.pass(Duration::from_millis(300)).await;
    assert_eq!(*role.broker.placed.lock(), [order]);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_waited_too_long_expires_and_is_never_sent() {
    let mut role = Role::new().await;
    let order = role.place().await;
    role.ledger.clock.advance(seconds(5));
    role.execute();
    role.pass(seconds(1)).await;
    let stored = role.stored(order).await;
    assert_eq!((stored.status, stored.end), (OrderStatus::Expired, Some(EndReason::NotRouted)));
    assert!(role.broker.placed.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_order_that_another_process_claimed_is_not_placed() {
    let mut role = Role::new().await;
    let order = role.place().await;
    let other = role.ledger.process();
    other.run(role.account, Command::Route { order }).await.unwrap();
    other.run(role.account, role.ledger.acknowledged(role.account, order)).await.unwrap();
    role.execute();
    role.pass(seconds(12)).await;
    assert!(role.broker.placed.lock().is_empty());
    assert_eq!(role.stored(order).await.status, OrderStatus::New);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_through_another_process_does_not_wait_for_the_next_question() {
    let mut role = Role::new().await;
    let order = role.place().await;
    role.execute();
    role.pass(Duration::from_millis(50)).await;
    let other = role.ledger.process();
    other.run(role.account, role.ledger.acknowledged(role.account, order)).await.unwrap();
    other.run(role.account, Command::Cancel { order }).await.unwrap();
    // The order was served less than a second ago, and nobody told of the cancel here.
    role.pass(Duration::from_millis(300)).await;
    assert_eq!(*role.broker.cancels.lock(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_is_asked_for_each_second_until_it_is_answered() {
    let mut role = Role::new().await;
    let order = role.ledger.work(&role.process, role.account).await;
    role.execute();
    role.broker.cancel_answers.lock().push_back(Err(BrokerError::NoAnswer("as told".to_owned())));
    role.process.run(role.account, Command::Cancel { order }).await.unwrap();
    role.pass(seconds(5)).await;
    let asked = *role.broker.cancels.lock();
    assert!((4..=6).contains(&asked), "{asked}");
    role.process.run(role.account, role.ledger.canceled(role.account, order)).await.unwrap();
    role.pass(seconds(5)).await;
    assert!(*role.broker.cancels.lock() <= asked + 1);
    assert_eq!(role.stored(order).await.status, OrderStatus::Canceled);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_is_asked_for_each_second_until_it_is_answered() {
    let mut role = Role::new().await;
    let order = role.ledger.work(&role.process, role.account).await;
    role.execute();
    role.process.run(role.account, replace(&role, order).0).await.unwrap();
    role.pass(seconds(5)).await;
    let asked = *role.broker.replaces.lock();
    assert!((4..=6).contains(&asked), "{asked}");
    let replaced = velox_trading::ReportKind::Replaced { broker_order_id: "broker-2".parse().unwrap() };
    role.process.run(role.account, role.ledger.report(role.account, order, replaced)).await.unwrap();
    role.pass(seconds(3)).await;
    assert!(*role.broker.replaces.lock() <= asked + 1);
}

/// A command that asks for half a unit more, and the id of the order in its place.
pub(super) fn replace(role: &Role, order: OrderId) -> (Command, OrderId) {
    let new = role.ledger.order();
    let command = Command::Replace(ReplaceOrder {
        order,
        replacement: new.order,
        client_order_id: new.client_order_id,
        fingerprint: new.fingerprint,
        quantity: Some("1.5".parse().unwrap()),
        limit_price: None,
        stop_price: None,
        time_in_force: None,
        rules: new.rules,
    });
    (command, new.order)
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_comes_while_the_order_is_placed_follows_at_once() {
    let mut role = Role::new().await;
    role.broker.gate.forget_permits(1_000_000);
    let order = role.place().await;
    role.execute();
    role.pass(Duration::from_millis(100)).await;
    role.process.run(role.account, Command::Cancel { order }).await.unwrap();
    role.pass(Duration::from_millis(100)).await;
    assert_eq!(*role.broker.cancels.lock(), 0, "the order is not there yet");
    role.broker.gate.add_permits(1);
    role.pass(Duration::from_millis(100)).await;
    assert_eq!(*role.broker.cancels.lock(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_call_that_breaks_stops_no_other_order() {
    let mut role = Role::new().await;
    *role.broker.breaks.lock() = true;
    let first = role.place().await;
    role.execute();
    role.pass(Duration::from_millis(100)).await;
    let second = role.place().await;
    role.pass(Duration::from_millis(100)).await;
    assert_eq!(*role.broker.placed.lock(), [second]);
    // Nobody knows how far the first one came: it is asked for, and found to be nowhere.
    role.pass(seconds(20)).await;
    assert_eq!(role.stored(first).await.end, Some(EndReason::NotFoundAtBroker));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_was_away_delays_orders_and_loses_none() {
    let mut role = Role::new().await;
    let order = role.place().await;
    role.ledger.store.away.store(true, Ordering::SeqCst);
    role.execute();
    role.pass(seconds(2)).await;
    assert!(role.broker.placed.lock().is_empty());
    role.ledger.store.away.store(false, Ordering::SeqCst);
    role.pass(seconds(2)).await;
    assert_eq!(*role.broker.placed.lock(), [order]);
}
