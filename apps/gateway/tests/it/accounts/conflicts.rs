//! Names that are used twice, and another process that writes in between.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use velox_kernel::Digest;
use velox_testkit::trading::{instrument, symbol};
use velox_trading::{
    AccountWriter, ClosePosition, Command, ExecuteError, Executed, OrderKind, OrderStatus, PlaceOrder, Refused,
    ReplaceOrder, StoreError,
};

use super::faulty_store::Fault;
use super::ledger::Ledger;
use super::words::placing;

#[tokio::test]
async fn a_name_used_twice_in_one_commit_is_one_order() {
    let ledger = Ledger::new();
    let process = ledger.process();
    let account = ledger.open(&process).await;
    let order = ledger.order();
    let id = order.order;
    let other = PlaceOrder { fingerprint: Digest::new([8; 32]), order: ledger.order().order, ..order.clone() };
    // As the edge does it, each request brings an order id of its own.
    let again = || Command::Place(PlaceOrder { order: ledger.order().order, ..order.clone() });
    let commands = [Command::Place(order.clone()), again(), Command::Place(other.clone())];
    let answers = process.run_together(account, commands).await;
    let [first, second, third] = <[_; 3]>::try_from(answers).unwrap();
    assert_eq!(first.unwrap().events.len(), 1);
    assert!(matches!(second, Err(ExecuteError::Refused(Refused::Repeated { order, seq: 2 })) if order == id));
    assert!(matches!(third, Err(ExecuteError::Refused(Refused::IdConflict { order })) if order == id));

    // Closed, its name stays taken; the answer now comes from the store.
    process.run(account, Command::Cancel { order: id }).await.unwrap();
    let answer = process.run(account, again()).await;
    assert!(matches!(answer, Err(ExecuteError::Refused(Refused::Repeated { order, seq: 2 })) if order == id));
    let other = process.run(account, Command::Place(other)).await;
    assert!(matches!(other, Err(ExecuteError::Refused(Refused::IdConflict { order })) if order == id));
    ledger.verify().await;
}

#[tokio::test]
async fn an_order_that_begins_and_ends_within_one_commit_is_repeated() {
    let ledger = Ledger::new();
    let process = ledger.process();
    let account = ledger.open(&process).await;
    let order = ledger.order();
    let id = order.order;
    let again = || Command::Place(PlaceOrder { order: ledger.order().order, ..order.clone() });
    let commands = [Command::Place(order.clone()), Command::Cancel { order: id }, again()];
    let answers = process.run_together(account, commands).await;
    assert!(answers[0].is_ok() && answers[1].is_ok(), "{answers:?}");
    assert!(matches!(answers[2], Err(ExecuteError::Refused(Refused::Repeated { order, .. })) if order == id));
    assert!(matches!(process.run(account, again()).await, Err(ExecuteError::Refused(Refused::Repeated { .. }))));
    assert_eq!(ledger.stored(account, id).await.status, OrderStatus::Canceled);
    ledger.verify().await;
}

#[tokio::test]
async fn a_fill_told_twice_counts_once_and_beats_a_cancel() {
    let ledger = Ledger::new();
    let process = ledger.process();
    let account = ledger.open(&process).await;
    let id = ledger.work(&process, account).await;
    let fill = ledger.filled(account, id, "fill-1", "0.5");
    let commands = [
        fill.clone(),
        fill.clone(),
        Command::Cancel { order: id },
        ledger.canceled(account, id),
        ledger.filled(account, id, "fill-2", "0.25"),
        fill.clone(),
    ];
    for answer in process.run_together(account, commands).await {
        answer.unwrap();
    }
    // Told once more, alone: the order is closed, and the store knows the fill.
    assert_eq!(process.run(account, fill).await.unwrap().events.len(), 0);
    let order = ledger.stored(account, id).await;
    assert_eq!((order.status, order.filled), (OrderStatus::Canceled, "0.75".parse().unwrap()));
    ledger.verify().await;
}

#[tokio::test]
async fn an_order_taken_after_a_conflict_is_told_to_the_executor_as_any_other() {
    let ledger = Ledger::new();
    let (here, mut there) = (ledger.process(), ledger.process());
    let account = ledger.open(&here).await;
    there.lanes.read(account).await.unwrap();
    let theirs = ledger.place(&here, account).await;
    // `there` holds the account as it was before that.
    let id = ledger.place(&there, account).await;
    let mut told = Vec::new();
    there.work.recv_many(&mut told, 8).now_or_never().expect("it was told before the answer");
    assert_eq!(told.iter().map(|order| order.id).collect::<Vec<_>>(), [theirs, id], "and so is the one that was met");
    ledger.verify().await;
}

#[tokio::test]
async fn another_processs_events_are_seen_before_anything_is_refused() {
    let ledger = Ledger::new();
    let (here, there) = (ledger.process(), ledger.process());
    let account = ledger.open(&here).await;
    there.lanes.read(account).await.unwrap();
    // `there` now holds the account as it was before these.
    let id = ledger.place(&here, account).await;
    let claimed = there.run(account, Command::Route { order: id }).await.unwrap();
    assert_eq!(claimed.events.len(), 1, "the claim of an order that this process has not heard of");
    here.run(account, ledger.acknowledged(account, id)).await.unwrap();
    let second = ledger.work(&here, account).await;
    let canceled = there.run(account, ledger.canceled(account, second)).await.unwrap();
    assert_eq!(canceled.events.len(), 1, "a report about it is not taken for a late one");
    let third = ledger.work(&here, account).await;
    assert_eq!(there.lanes.read(account).await.unwrap().open_orders().count(), 2, "{third}");
    let answer = there.run(account, Command::Cancel { order: third }).await.unwrap();
    assert_eq!(answer.events.len(), 1);
    ledger.verify().await;
}

#[tokio::test]
async fn both_processes_write_and_no_order_is_lost() {
    let ledger = Ledger::new();
    let processes = [ledger.process(), ledger.process()];
    let account = ledger.open(&processes[0]).await;
    for round in 0..20 {
        let place = |process: usize| processes[process].run(account, Command::Place(ledger.order()));
        let (first, second, third) = tokio::join!(place(round % 2), place((round + 1) % 2), place(round % 2));
        assert!(first.is_ok() && second.is_ok() && third.is_ok());
    }
    assert_eq!(processes[0].lanes.read(account).await.unwrap().open_orders().count(), 60);
    ledger.verify().await;
}

#[tokio::test]
async fn a_closed_order_that_changes_between_look_up_and_lock_is_looked_up_again() {
    let ledger = Arc::new(Ledger::new());
    let beside = Arc::new(ledger.beside());
    let (here, there) = (ledger.process(), Arc::new(beside.process()));
    let account = ledger.open(&here).await;
    let id = ledger.work(&here, account).await;
    here.run(account, Command::Cancel { order: id }).await.unwrap();
    here.run(account, ledger.canceled(account, id)).await.unwrap();
    // Another process is faster twice, so that `here` decides under the lock.
    for _ in 0..2 {
        ledger.store.before_append.lock().push_back(placing(&beside, &there, account));
    }
    let hook = {
        let (ledger, there) = (Arc::clone(&ledger), Arc::clone(&there));
        move || {
            let late = there.lanes.clone();
            let fill = ledger.filled(account, id, "late-1", "0.25");
            async move {
                late.execute(account, fill, super::ledger::cause()).await.unwrap();
            }
            .boxed()
        }
    };
    *ledger.store.before_lock.lock() = Some(Box::new(hook));
    here.run(account, ledger.filled(account, id, "late-2", "0.5")).await.unwrap();
    assert_eq!(ledger.store.locked.load(Ordering::SeqCst), 2, "once with what was looked up too early");
    assert_eq!(ledger.stored(account, id).await.filled, "0.75".parse().unwrap());
    ledger.verify().await;
}

#[tokio::test]
async fn a_replacement_cannot_take_the_name_of_an_order_that_is_over() {
    let ledger = Ledger::new();
    let process = ledger.process();
    let account = ledger.open(&process).await;
    let over = ledger.order();
    process.run(account, Command::Place(over.clone())).await.unwrap();
    process.run(account, Command::Cancel { order: over.order }).await.unwrap();
    let working = ledger.work(&process, account).await;
    let replace = Command::Replace(ReplaceOrder {
        order: working,
        replacement: ledger.order().order,
        client_order_id: over.client_order_id,
        fingerprint: Digest::new([9; 32]),
        quantity: Some("0.5".parse().unwrap()),
        limit_price: None,
        stop_price: None,
        time_in_force: None,
        rules: over.rules,
    });
    let answer = process.run(account, replace).await;
    assert!(matches!(answer, Err(ExecuteError::Refused(Refused::IdConflict { order })) if order == over.order));
    assert_eq!(ledger.stored(account, working).await.status, OrderStatus::New);
    ledger.verify().await;
}

#[tokio::test]
async fn what_would_now_be_refused_still_gets_the_answer_of_the_same_request() {
    let ledger = Ledger::new();
    let process = ledger.process();
    let account = ledger.open(&process).await;
    let bought = ledger.work(&process, account).await;
    process.run(account, ledger.filled(account, bought, "all", "1")).await.unwrap();
    let named = ledger.order();
    let close = || {
        Command::ClosePosition(ClosePosition {
            symbol: symbol("BTC-PERP"),
            order: ledger.order().order,
            client_order_id: named.client_order_id,
            fingerprint: named.fingerprint,
            rules: instrument(symbol("BTC-PERP")),
        })
    };
    let closing = process.run(account, close()).await.unwrap().events[0].event.fact.order().unwrap();
    process.run(account, Command::Route { order: closing }).await.unwrap();
    process.run(account, ledger.filled(account, closing, "closed", "1")).await.unwrap();
    // There is nothing to close any more, and this very request closed it.
    let answer = process.run(account, close()).await;
    assert!(matches!(answer, Err(ExecuteError::Refused(Refused::Repeated { order, .. })) if order == closing));

    let mut market = ledger.order();
    market.terms.kind = OrderKind::Market;
    let first = market.order;
    process.run(account, Command::Place(market.clone())).await.unwrap();
    process.run(account, Command::Cancel { order: first }).await.unwrap();
    // The instrument asks for more than it did when it took the order.
    let mut again = PlaceOrder { order: ledger.order().order, ..market };
    again.rules.min_notional = "1000000".parse().unwrap();
    let answer = process.run(account, Command::Place(again)).await;
    assert!(matches!(answer, Err(ExecuteError::Refused(Refused::Repeated { order, .. })) if order == first));
}

#[tokio::test]
async fn what_was_answered_stays_answered_while_the_store_is_away() {
    let ledger = Ledger::new();
    let process = ledger.process();
    let account = ledger.open(&process).await;
    let placed = ledger.order();
    let place = |order: &PlaceOrder| process.run(account, Command::Place(order.clone()));
    place(&placed).await.unwrap();
    let is_repeated = |answer: &Result<Executed, ExecuteError>| {
        matches!(answer, Err(ExecuteError::Refused(Refused::Repeated { .. })))
    };
    // In one commit with another one, which fails.
    ledger.store.fail_next([Fault::Unavailable]);
    let (again, other) = tokio::join!(place(&placed), place(&ledger.order()));
    assert!(is_repeated(&again), "{again:?}");
    assert!(matches!(other, Err(ExecuteError::Store(StoreError::Unavailable(_)))), "{other:?}");
    // What is only about to be in the log was not answered.
    let new = ledger.order();
    ledger.store.fail_next([Fault::Unavailable]);
    let (first, second) = tokio::join!(place(&new), place(&new));
    assert!(first.is_err() && !is_repeated(&second), "{second:?}");
    // And by itself, where nobody can say whether others have written.
    ledger.store.away.store(true, Ordering::SeqCst);
    let again = place(&placed).await;
    assert!(is_repeated(&again), "{again:?}");
    assert!(place(&ledger.order()).await.is_err());
}

/// What this process brought itself fails as a whole when it cannot look something up; what was answered stands.
#[tokio::test]
async fn a_report_that_cannot_be_looked_up_takes_no_answer_back() {
    let ledger = Ledger::new();
    let process = ledger.process();
    let account = ledger.open(&process).await;
    let closed = ledger.work(&process, account).await;
    process.run(account, Command::Cancel { order: closed }).await.unwrap();
    process.run(account, ledger.canceled(account, closed)).await.unwrap();
    let (placed, new) = (ledger.order(), ledger.order());
    process.run(account, Command::Place(placed.clone())).await.unwrap();
    ledger.store.away.store(true, Ordering::SeqCst);
    let commands = [Command::Place(placed), ledger.filled(account, closed, "late", "0.5"), Command::Place(new.clone())];
    let answers = process.run_together(account, commands).await;
    let [again, late, other] = <[_; 3]>::try_from(answers).unwrap();
    assert!(matches!(again, Err(ExecuteError::Refused(Refused::Repeated { .. }))), "{again:?}");
    for failed in [late, other] {
        assert!(matches!(failed, Err(ExecuteError::Store(StoreError::Unavailable(_)))), "{failed:?}");
    }
    ledger.store.away.store(false, Ordering::SeqCst);
    process.run(account, Command::Place(new)).await.unwrap();
    ledger.verify().await;
}
