//! Processes share the execution by account: what is another one's is left to it, and what it lost is refused.

use std::collections::BTreeSet;
use std::time::Duration;

use velox::execution::ExecutionRights;
use velox_kernel::Clock;
use velox_trading::{BrokerError, OrderStatus, Report, ReportKind};

use super::fake_broker::{Role, seconds};
use crate::accounts::fences::take;
use crate::accounts::ledger::fill_report;

#[tokio::test(start_paused = true)]
async fn an_order_of_another_processes_account_is_left_to_it() {
    let mut role = Role::new().await;
    role.rights = ExecutionRights::default();
    let order = role.place().await;
    role.execute();
    role.pass(seconds(3)).await;
    assert!(role.broker.placed.lock().is_empty());
    assert_eq!(role.stored(order).await.status, OrderStatus::PendingNew);

    let fence = take(&role.ledger, role.account).await;
    role.rights.grant([fence]);
    role.pass(seconds(1)).await;
    assert!(role.broker.placed.lock().is_empty(), "its book is not rebuilt");
    role.rights.serve(&BTreeSet::from([fence.shard]));
    role.pass(seconds(1)).await;
    assert_eq!(*role.broker.placed.lock(), [order]);
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_know_that_its_right_was_lost_calls_no_broker() {
    let mut role = Role::new().await;
    role.rights = ExecutionRights::default();
    let fence = take(&role.ledger, role.account).await;
    role.rights.grant([fence]);
    role.rights.serve(&BTreeSet::from([fence.shard]));
    role.execute();
    let order = role.place().await;
    role.pass(seconds(1)).await;
    assert_eq!(*role.broker.placed.lock(), [order]);

    take(&role.ledger, role.account).await;
    let late = role.place().await;
    role.pass(seconds(3)).await;
    assert_eq!(*role.broker.placed.lock(), [order]);
    assert_eq!(role.stored(late).await.status, OrderStatus::PendingNew);
    role.ledger.verify().await;
}

/// Whoever took the right in between has rebuilt the book with the order, which may have been filled there.
#[tokio::test(start_paused = true)]
async fn an_order_that_was_claimed_under_a_right_that_was_lost_is_not_handed_over_under_the_next_one() {
    let mut role = Role::new().await;
    role.rights = ExecutionRights::default();
    let fence = take(&role.ledger, role.account).await;
    let shard = BTreeSet::from([fence.shard]);
    role.rights.grant([fence]);
    role.rights.serve(&shard);
    let away = || Err(BrokerError::Unreachable("as told".to_owned()));
    role.broker.place_answers.lock().extend([away(), away()]);
    role.execute();
    let order = role.place().await;
    role.pass(Duration::from_millis(120)).await;
    assert!(!role.broker.placed.lock().is_empty());
    assert_eq!(role.stored(order).await.status, OrderStatus::Routed);

    role.rights.revoke(&shard);
    let newer = take(&role.ledger, role.account).await;
    role.rights.grant([newer]);
    role.rights.serve(&shard);
    let tried = role.broker.placed.lock().len();
    role.pass(seconds(4)).await;
    assert_eq!(role.broker.placed.lock().len(), tried, "it was tried again");
}

#[tokio::test(start_paused = true)]
async fn reports_of_before_are_nobodys_once_the_right_was_lost() {
    let mut role = Role::new().await;
    let order = role.ledger.work(&role.process, role.account).await;
    role.rights = ExecutionRights::default();
    role.listen();
    let at = role.ledger.clock.now();
    let filled = |fill| ReportKind::Filled(fill_report(fill, "0.25"));
    let say = |role: &Role, fill| role.broker.say(Report { account: role.account, order, kind: filled(fill), at });

    say(&role, "of-none");
    role.pass(seconds(1)).await;
    let fence = take(&role.ledger, role.account).await;
    role.rights.grant([fence]);
    say(&role, "of-mine");
    role.pass(seconds(1)).await;
    assert_eq!(role.stored(order).await.filled, "0.25".parse().unwrap());

    // It does not know yet, then it does.
    let newer = take(&role.ledger, role.account).await;
    say(&role, "of-before");
    role.pass(seconds(3)).await;
    role.rights.revoke(&BTreeSet::from([fence.shard]));
    say(&role, "of-nobody");
    role.pass(seconds(1)).await;
    role.rights.grant([newer]);
    say(&role, "of-now");
    role.pass(seconds(3)).await;
    let fills = velox_trading::TradingQueries::fills_of_account(&*role.ledger.store.inner, role.account, 0, 10).await;
    let names: Vec<String> = fills.unwrap().iter().map(|recorded| recorded.fill.id.to_string()).collect();
    assert_eq!(names, ["of-mine", "of-now"]);
    role.ledger.verify().await;
}
