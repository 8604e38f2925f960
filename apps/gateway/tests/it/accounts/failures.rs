//! A store that fails, a decision that breaks, a queue that is full, an end.

use std::sync::Arc;

use velox::accounts::LaneSettings;
use velox_kernel::{AccountId, Ids};
use velox_testkit::trading::{FreshIds, instrument, symbol, terms};
use velox_trading::{AccountWriter, Command, ExecuteError, OrderKind, Refused, StoreError, TradingQueries};

use super::faulty_store::Fault;
use super::ledger::{Ledger, SETTINGS, cause};

#[tokio::test]
async fn what_rested_on_a_failed_commit_fails_with_it_and_can_be_sent_again() {
    for fault in [Fault::Unavailable, Fault::Full, Fault::LostUncommitted, Fault::LostCommitted] {
        let ledger = Ledger::new();
        let process = ledger.process();
        let account = ledger.open(&process).await;
        let order = ledger.order();
        let (id, place) = (order.order, Command::Place(order));
        ledger.store.fail_next([fault]);
        // The second is a repetition and the third a claim: both refusals and events rest on the first.
        let answers = process.run_together(account, [place.clone(), place.clone(), Command::Route { order: id }]).await;
        for answer in answers {
            let error = answer.unwrap_err();
            let unknown = matches!(error, ExecuteError::Store(StoreError::OutcomeUnknown(_)));
            let lost = matches!(fault, Fault::LostCommitted | Fault::LostUncommitted);
            assert_eq!(unknown, lost, "{fault:?}: {error}");
            assert!(matches!(error, ExecuteError::Store(_)), "{fault:?}: {error}");
        }
        let again = process.run(account, place).await;
        match fault {
            Fault::LostCommitted => {
                let repeated =
                    matches!(again, Err(ExecuteError::Refused(Refused::Repeated { order, .. })) if order == id);
                assert!(repeated, "{again:?}");
            }
            _ => assert_eq!(again.unwrap().events.len(), 1, "{fault:?}"),
        }
        assert_eq!(process.lanes.read(account).await.unwrap().open_orders().count(), 1, "{fault:?}");
        ledger.verify().await;
    }
}

#[tokio::test]
async fn a_full_queue_is_said_at_once_and_nothing_is_done() {
    let ledger = Ledger::new();
    let process = ledger.process_with(LaneSettings { lanes: 1, queue: 2, batch: 1, ..SETTINGS });
    let account = ledger.open(&process).await;
    ledger.store.hold();
    let mut commands = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (lanes, place) = (Arc::clone(&process.lanes), Command::Place(ledger.order()));
        commands.spawn(async move { lanes.execute(account, place, cause()).await });
    }
    // All come before the lane runs: two find room, the others are answered while the store hangs.
    for _ in 0..6 {
        let answer = commands.join_next().await.unwrap().unwrap();
        assert!(matches!(answer, Err(ExecuteError::Overloaded)), "{answer:?}");
    }
    ledger.store.release();
    while let Some(answer) = commands.join_next().await {
        answer.unwrap().unwrap();
    }
    assert_eq!(ledger.store.inner.orders_of_account(account, None, 100).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_waits_when_the_lanes_close_is_done_and_what_comes_later_is_not() {
    let ledger = Ledger::new();
    let mut process = ledger.process();
    let account = ledger.open(&process).await;
    let (first, second) = (ledger.order(), ledger.order());
    let waiting = process.lanes.enqueue(account, Command::Place(first), cause(), None).await.unwrap();
    process.lanes.close();
    // `process` still holds the lanes: they end all the same.
    while process.tasks.join_next().await.is_some() {}
    waiting.await.unwrap().unwrap();
    let late = process.run(account, Command::Place(second)).await;
    assert!(matches!(late, Err(ExecuteError::ShuttingDown)), "{late:?}");
    assert_eq!(ledger.store.inner.orders_of_account(account, None, 100).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_decision_that_breaks_takes_no_other_account_along() {
    let ledger = Ledger::new();
    let process = ledger.process_with(LaneSettings { lanes: 1, ..SETTINGS });
    let (broken, sound) = (ledger.open(&process).await, ledger.open(&process).await);
    let order = ledger.order();
    let breaking = velox_trading::PlaceOrder {
        terms: terms(symbol("BROKEN"), velox_trading::Side::Buy, "1", OrderKind::Market),
        rules: instrument(symbol("BROKEN")),
        ..ledger.order()
    };
    let (bad, good) =
        tokio::join!(process.run(broken, Command::Place(breaking)), process.run(sound, Command::Place(order)),);
    assert!(matches!(bad, Err(ExecuteError::Store(StoreError::Corrupt(_)))), "{bad:?}");
    assert_eq!(good.unwrap().events.len(), 1);
    ledger.place(&process, broken).await;
}

#[tokio::test]
async fn a_lane_outlives_a_store_that_breaks() {
    let ledger = Ledger::new();
    let process = ledger.process();
    let account = ledger.open(&process).await;
    ledger.store.fail_next([Fault::Panic]);
    let answer = process.run(account, Command::Place(ledger.order())).await;
    assert!(matches!(answer, Err(ExecuteError::Store(StoreError::OutcomeUnknown(_)))), "{answer:?}");
    ledger.place(&process, account).await;
    ledger.verify().await;
}

#[tokio::test]
async fn a_damaged_log_fails_its_account_alone() {
    let ledger = Ledger::new();
    let writer = ledger.process();
    let (damaged, sound) = (ledger.open(&writer).await, ledger.open(&writer).await);
    *ledger.store.damaged.lock() = Some(damaged);
    let process = ledger.process_with(LaneSettings { lanes: 1, ..SETTINGS });
    let (bad, good) = tokio::join!(
        process.run(damaged, Command::Place(ledger.order())),
        process.run(sound, Command::Place(ledger.order())),
    );
    assert!(matches!(bad, Err(ExecuteError::Store(StoreError::Corrupt(_)))), "{bad:?}");
    good.unwrap();
}

#[tokio::test]
async fn an_account_that_is_not_there_takes_no_command() {
    let ledger = Ledger::new();
    let process = ledger.process();
    let nobody = AccountId::new(FreshIds.next());
    let answer = process.run(nobody, Command::Place(ledger.order())).await;
    assert!(matches!(answer, Err(ExecuteError::Refused(Refused::NotOpen))), "{answer:?}");
    let account = ledger.open(&process).await;
    let stranger = velox_kernel::OrgId::new(FreshIds.next());
    let answer = process.lanes.execute_for(stranger, account, Command::Resume, cause()).await;
    assert!(matches!(answer, Err(ExecuteError::Refused(Refused::NotOpen))), "{answer:?}");
    assert_eq!(process.lanes.read(nobody).await.unwrap().seq(), 0);
}
