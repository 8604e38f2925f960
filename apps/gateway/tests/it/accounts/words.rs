//! What other processes are said to have written, truly or not, and who is beaten to an account.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use velox::accounts::{LaneSettings, Touched};
use velox_kernel::{AccountId, OrderId};
use velox_trading::{AccountWriter, Command, ExecuteError, PlaceOrder, Refused};

use super::faulty_store::Hook;
use super::ledger::{Ledger, Process, SETTINGS, cause};

/// Somebody else places an order.
pub(super) fn placing(ledger: &Arc<Ledger>, process: &Arc<Process>, account: AccountId) -> Hook {
    let (ledger, process) = (Arc::clone(ledger), Arc::clone(process));
    let place = async move {
        ledger.place(&process, account).await;
    };
    Box::new(move || place.boxed())
}

/// How often the store was asked for tails, how often a member of an append was a conflict, and how often the lock was taken.
fn counts(ledger: &Ledger) -> [u64; 3] {
    let store = &ledger.store;
    [&store.tails, &store.conflicts, &store.locked].map(|count| count.load(Ordering::SeqCst))
}

/// Two processes; the second one holds an account as it was before the first one wrote to it again.
async fn outdated(ledger: &Ledger) -> (Process, Process, AccountId) {
    let (here, there) = (ledger.process(), ledger.process());
    let account = ledger.open(&here).await;
    ledger.place(&there, account).await;
    for _ in 0..3 {
        ledger.place(&here, account).await;
    }
    (here, there, account)
}

#[tokio::test]
async fn an_account_that_others_told_of_is_read_before_it_is_decided() {
    let ledger = Ledger::new();
    let (_here, there, account) = outdated(&ledger).await;
    let [tails, conflicts, locked] = counts(&ledger);
    there.lanes.tell_elsewhere(account, 5, Touched::Orders, false);
    ledger.place(&there, account).await;
    assert_eq!(counts(&ledger), [tails + 1, conflicts, locked], "the append wins at once");
    assert_eq!(there.lanes.read(account).await.unwrap().open_orders().count(), 5);
    ledger.verify().await;
}

#[tokio::test]
async fn a_word_that_never_came_costs_a_second_try() {
    let ledger = Ledger::new();
    let (_here, there, account) = outdated(&ledger).await;
    let [tails, conflicts, locked] = counts(&ledger);
    ledger.place(&there, account).await;
    assert_eq!(counts(&ledger), [tails + 1, conflicts + 1, locked], "which needs no lock");
    assert_eq!(there.lanes.read(account).await.unwrap().open_orders().count(), 5);
    ledger.verify().await;
}

#[tokio::test]
async fn a_word_that_is_not_true_costs_one_look() {
    let ledger = Ledger::new();
    let process = ledger.process();
    let account = ledger.open(&process).await;
    ledger.place(&process, account).await;
    let [tails, conflicts, locked] = counts(&ledger);
    for seq in [0, 1, 2] {
        process.lanes.tell_elsewhere(account, seq, Touched::Orders, false);
        ledger.place(&process, account).await;
    }
    assert_eq!(counts(&ledger), [tails, conflicts, locked], "what is known already is not looked up");
    process.lanes.tell_elsewhere(account, u64::MAX, Touched::Orders, false);
    ledger.place(&process, account).await;
    ledger.place(&process, account).await;
    assert_eq!(counts(&ledger), [tails + 1, conflicts, locked], "a lie is believed once");
    ledger.verify().await;
}

#[tokio::test]
async fn a_word_about_an_account_that_cannot_be_read_stops_nothing() {
    let ledger = Ledger::new();
    let process = ledger.process();
    let account = ledger.open(&process).await;
    ledger.store.reads_left.store(0, Ordering::SeqCst);
    process.lanes.tell_elsewhere(account, 9, Touched::Orders, false);
    ledger.place(&process, account).await;
    assert_eq!(ledger.store.tails.load(Ordering::SeqCst), 1, "it was tried");
    ledger.store.reads_left.store(i64::MAX, Ordering::SeqCst);
    ledger.verify().await;
}

#[tokio::test]
async fn all_that_others_told_of_is_read_in_one_question() {
    let ledger = Ledger::new();
    let settings = LaneSettings { lanes: 1, ..SETTINGS };
    let (here, there) = (ledger.process_with(settings), ledger.process_with(settings));
    let mut accounts = Vec::new();
    for _ in 0..8 {
        let account = ledger.open(&here).await;
        ledger.place(&there, account).await;
        ledger.place(&here, account).await;
        accounts.push(account);
    }
    let [tails, conflicts, locked] = counts(&ledger);
    let mut answers = Vec::new();
    for (number, account) in accounts.iter().enumerate() {
        // Of one nobody told.
        if number > 0 {
            there.lanes.tell_elsewhere(*account, 3, Touched::Orders, false);
        }
        answers.push(there.lanes.enqueue(*account, Command::Place(ledger.order()), cause(), None).await.unwrap());
    }
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(counts(&ledger), [tails + 2, conflicts + 1, locked], "one before, one about what lost its race");
    ledger.verify().await;
}

#[tokio::test]
async fn what_is_beaten_twice_is_decided_under_the_lock_and_so_is_what_comes_next() {
    let ledger = Ledger::new();
    let beside = Arc::new(ledger.beside());
    let (here, there) = (ledger.process(), Arc::new(beside.process()));
    let account = ledger.open(&here).await;
    for _ in 0..2 {
        ledger.store.before_append.lock().push_back(placing(&beside, &there, account));
    }
    *ledger.store.before_lock.lock() = Some(placing(&beside, &there, account));
    ledger.place(&here, account).await;
    assert_eq!(counts(&ledger), [1, 2, 1], "two races, then the lock");
    ledger.place(&here, account).await;
    assert_eq!(counts(&ledger), [1, 2, 2], "the lock at once");
    for _ in 0..32 {
        ledger.place(&here, account).await;
    }
    let [tails, conflicts, locked] = counts(&ledger);
    assert!(locked < 32, "nobody was in the way for a while: no lock any more");
    assert_eq!((tails, conflicts), (1, 2));
    assert_eq!(here.lanes.read(account).await.unwrap().open_orders().count(), 37);
    ledger.verify().await;
}

#[tokio::test]
async fn a_name_is_taken_for_ever_also_where_the_lock_comes_first() {
    let ledger = Ledger::new();
    let beside = Arc::new(ledger.beside());
    let (here, there) = (ledger.process(), Arc::new(beside.process()));
    let account = ledger.open(&here).await;
    let (over, filled) = (ledger.order(), ledger.work(&here, account).await);
    let fill = ledger.filled(account, filled, "fill-1", "0.5");
    here.run(account, Command::Place(over.clone())).await.unwrap();
    here.run(account, Command::Cancel { order: over.order }).await.unwrap();
    here.run(account, fill.clone()).await.unwrap();
    let contend = async || {
        for _ in 0..2 {
            ledger.store.before_append.lock().push_back(placing(&beside, &there, account));
        }
        *ledger.store.before_lock.lock() = Some(placing(&beside, &there, account));
        ledger.place(&here, account).await;
    };
    contend().await;
    let locked = ledger.store.locked.load(Ordering::SeqCst);
    // As the edge does it, each request brings an order id of its own.
    let again = PlaceOrder { order: ledger.order().order, ..over.clone() };
    let again = here.run(account, Command::Place(again)).await;
    assert!(matches!(again, Err(ExecuteError::Refused(Refused::Repeated { order, .. })) if order == over.order));
    contend().await;
    assert_eq!(here.run(account, fill).await.unwrap().events.len(), 0, "a fill that was told before");
    assert!(ledger.store.locked.load(Ordering::SeqCst) > locked, "both were decided under the lock");
    ledger.verify().await;
}

/// The orders that the executor of a process hears of next.
async fn handed_over(process: &mut Process) -> Vec<OrderId> {
    let mut orders = Vec::new();
    let heard = process.work.recv_many(&mut orders, 16);
    tokio::time::timeout(Duration::from_secs(10), heard).await.expect("it hears of one");
    orders.iter().map(|order| order.id).collect()
}

#[tokio::test]
async fn an_order_that_others_took_is_read_once_for_the_executor_and_its_claim() {
    let ledger = Ledger::new();
    let (here, mut there) = (ledger.process(), ledger.process());
    let account = ledger.open(&here).await;
    there.lanes.read(account).await.unwrap();
    // One is with its broker already, one waits, and one waits to be cancelled.
    ledger.work(&here, account).await;
    let waits = ledger.place(&here, account).await;
    let canceled = ledger.work(&here, account).await;
    let newest = here.run(account, Command::Cancel { order: canceled }).await.unwrap().account.seq();
    let [tails, conflicts, locked] = counts(&ledger);
    for _ in 0..3 {
        there.lanes.tell_elsewhere(account, newest, Touched::Orders, true);
    }
    let mut found = handed_over(&mut there).await;
    found.sort_unstable();
    assert_eq!(found, [waits, canceled]);
    there.run(account, Command::Route { order: waits }).await.unwrap();
    assert_eq!(counts(&ledger), [tails + 1, conflicts, locked], "the claim rests on what was read for the executor");
    ledger.verify().await;
}

#[tokio::test]
async fn orders_of_others_that_are_met_by_chance_are_handed_over_too() {
    let ledger = Ledger::new();
    let beside = Arc::new(ledger.beside());
    let (mut here, there) = (ledger.process(), Arc::new(beside.process()));
    let account = ledger.open(&here).await;
    for _ in 0..2 {
        ledger.store.before_append.lock().push_back(placing(&beside, &there, account));
    }
    *ledger.store.before_lock.lock() = Some(placing(&beside, &there, account));
    ledger.place(&here, account).await;
    let mut found = BTreeSet::new();
    while found.len() < 4 {
        found.extend(handed_over(&mut here).await);
    }
    let open = here.lanes.read(account).await.unwrap();
    assert_eq!(found, open.open_orders().map(|order| order.id).collect(), "in two races, under the lock, and its own");
}

#[tokio::test]
async fn the_executor_looks_for_itself_where_nothing_is_held() {
    let ledger = Ledger::new();
    let (here, there) = (ledger.process(), ledger.process());
    let account = ledger.open(&here).await;
    ledger.place(&here, account).await;
    there.lanes.tell_elsewhere(account, 2, Touched::Orders, true);
    let elsewhere = there.work.elsewhere();
    tokio::time::timeout(Duration::from_secs(10), elsewhere.notified()).await.expect("it is told to look");
}
