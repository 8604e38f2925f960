//! What a broker's answer to the placing call comes to.

use velox_trading::{BrokerError, BrokerOrder, EndReason, OrderStatus};

use super::fake_broker::{Role, seconds};
use crate::accounts::faulty_store::Fault;

fn text() -> String {
    "as told".to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_order_that_the_broker_refuses_is_rejected_whatever_the_store_does() {
    let mut role = Role::new().await;
    let order = role.place().await;
    role.broker.place_answers.lock().push_back(Err(BrokerError::Refused(text())));
    // The claim is written; what the broker said of it is not, twice.
    role.ledger.store.fail_next([Fault::None, Fault::Unavailable, Fault::LostUncommitted]);
    role.execute();
    role.pass(seconds(2)).await;
    let stored = role.stored(order).await;
    assert_eq!((stored.status, stored.end), (OrderStatus::Rejected, Some(EndReason::ByBroker { text: text() })));
    assert_eq!(role.broker.placed.lock().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_order_without_an_answer_is_unknown_until_it_is_found() {
    let mut role = Role::new().await;
    let order = role.place().await;
    role.broker.place_answers.lock().push_back(Err(BrokerError::NoAnswer(text())));
    let away = || Err(BrokerError::Unreachable(text()));
    role.broker.find_answers.lock().extend([away(), away(), away(), away(), away(), away()]);
    role.execute();
    role.pass(seconds(5)).await;
    assert_eq!(role.stored(order).await.status, OrderStatus::Unknown, "a failed query is no evidence");
    let found =
        BrokerOrder { order, broker_order_id: "broker-1".parse().unwrap(), filled: "0".parse().unwrap(), open: true };
    role.broker.find_answers.lock().clear();
    role.broker.find_answers.lock().push_back(Ok(Some(found)));
    role.pass(seconds(3)).await;
    assert_eq!(role.stored(order).await.status, OrderStatus::New);
    assert_eq!(*role.broker.placed.lock(), [order], "it is asked for and not placed again");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_the_broker_does_not_know_three_times_is_rejected() {
    let mut role = Role::new().await;
    let order = role.place().await;
    role.broker.place_answers.lock().push_back(Err(BrokerError::NoAnswer(text())));
    role.execute();
    role.pass(seconds(2)).await;
    assert_eq!(role.stored(order).await.status, OrderStatus::Unknown, "not before three answers");
    role.pass(seconds(4)).await;
    assert_eq!(role.stored(order).await.end, Some(EndReason::NotFoundAtBroker));
    assert_eq!((*role.broker.asked.lock(), role.broker.placed.lock().len()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_left_is_made_again_within_the_bound() {
    let mut role = Role::new().await;
    let unreachable = || Err(BrokerError::Unreachable(text()));
    role.broker.place_answers.lock().extend([unreachable(), unreachable()]);
    let first = role.place().await;
    role.execute();
    role.pass(seconds(1)).await;
    assert_eq!(*role.broker.placed.lock(), [first; 3]);
    assert_eq!(role.stored(first).await.status, OrderStatus::Routed);

    role.broker.place_answers.lock().extend((0..1_000).map(|_| unreachable()));
    let second = role.place().await;
    role.pass(seconds(6)).await;
    let stored = role.stored(second).await;
    assert_eq!((stored.status, stored.end), (OrderStatus::Rejected, Some(EndReason::ByBroker { text: text() })));
    let calls = role.broker.placed.lock().len();
    role.pass(seconds(2)).await;
    assert_eq!(role.broker.placed.lock().len(), calls, "no call after the bound");
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_outcome_was_lost_is_asked_for_and_not_placed() {
    let mut role = Role::new().await;
    let order = role.place().await;
    role.ledger.store.fail_next([Fault::LostCommitted]);
    role.execute();
    role.pass(seconds(20)).await;
    assert!(role.broker.placed.lock().is_empty());
    assert_eq!(role.stored(order).await.end, Some(EndReason::NotFoundAtBroker));
}
