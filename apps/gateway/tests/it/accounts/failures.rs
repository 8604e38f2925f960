//! A store that fails, a decision that breaks, a queue that is full, an end.

use std::sync::Arc;
use std::time::Duration;

use velox::accounts::LaneSettings;
use velox_kernel::{AccountId, Ids, Principal, UserId};
use velox_testkit::trading::{FreshIds, instrument, symbol, terms};
use velox_trading::{AccountWriter, Cause, Command, ExecuteError, OrderKind, Refused, StoreError, TradingQueries};

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

/// Whoever came while the store was silent does not wait as long again.
#[tokio::test(start_paused = true)]
async fn what_clients_brought_while_the_store_was_silent_is_refused_with_what_it_was_silent_about() {
    for (silence, is_refused) in [(1_000, true), (900, false)] {
        let ledger = Ledger::new();
        let process = ledger.process_with(LaneSettings { lanes: 1, ..SETTINGS });
        let account = ledger.open(&process).await;
        let before = ledger.place(&process, account).await;
        ledger.store.hold();
        ledger.store.fail_next([Fault::Unavailable]);
        let by_user = || Cause { actor: Principal::User { id: UserId::new(FreshIds.next()) }, ..cause() };
        let mut clients = Vec::new();
        for _ in 0..3 {
            let (lanes, place, cause) = (Arc::clone(&process.lanes), Command::Place(ledger.order()), by_user());
            clients.push(tokio::spawn(async move { lanes.execute(account, place, cause).await }));
            // It is decided, or stands in the queue, before the next one comes.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let own = process.lanes.enqueue(account, Command::Route { order: before }, cause(), None).await.unwrap();
        tokio::time::sleep(Duration::from_millis(silence)).await;
        ledger.store.release();
        let mut answers = Vec::new();
        for client in clients {
            answers.push(client.await.unwrap());
        }
        let away = |answer: &_| matches!(answer, Err(ExecuteError::Store(StoreError::Unavailable(_))));
        assert!(away(&answers[0]), "{answers:?}");
        assert!(answers[1..].iter().all(|answer| away(answer) == is_refused), "{answers:?}");
        let orders = ledger.store.inner.orders_of_account(account, None, 100).await.unwrap().len();
        assert_eq!(orders, if is_refused { 1 } else { 3 }, "what was refused was not done");
        assert_eq!(own.await.unwrap().unwrap().events.len(), 1, "what the process has to do itself is done");
        // It answers: the next one is served.
        ledger.place(&process, account).await;
        ledger.verify().await;
    }
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
