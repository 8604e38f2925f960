//! Snapshots, the log's tail, and accounts that are let go.

use std::sync::atomic::Ordering;
use std::time::Duration;

use velox::accounts::LaneSettings;
use velox_trading::{AccountWriter, Command, Snapshot, TradingLog};

use super::ledger::{Ledger, SETTINGS};

async fn wait_for_snapshots(ledger: &Ledger, count: u64) {
    let arrived = async {
        while ledger.store.snapshots.load(Ordering::SeqCst) < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), arrived).await.expect("a snapshot is kept");
}

#[tokio::test]
async fn a_snapshot_and_the_tail_are_the_account() {
    let ledger = Ledger::new();
    let process = ledger.process_with(LaneSettings { snapshot_every: 10, ..SETTINGS });
    let account = ledger.open(&process).await;
    for _ in 0..24 {
        ledger.place(&process, account).await;
    }
    wait_for_snapshots(&ledger, 2).await;
    let kept = ledger.store.inner.snapshot(account).await.unwrap().unwrap();
    assert_eq!(kept.account.seq(), 20);
    let before = process.lanes.read(account).await.unwrap();
    assert_eq!(before.seq(), 25);
    assert_eq!(ledger.process().lanes.read(account).await.unwrap(), before);
    assert_eq!(ledger.store.snapshots.load(Ordering::SeqCst), 2, "every ten events, and not more often");
}

#[tokio::test]
async fn a_snapshot_that_is_not_of_the_log_is_passed_over() {
    let ledger = Ledger::new();
    let process = ledger.process();
    let (account, other) = (ledger.open(&process).await, ledger.open(&process).await);
    for _ in 0..5 {
        ledger.place(&process, account).await;
        ledger.place(&process, other).await;
    }
    let truth = process.lanes.read(account).await.unwrap();
    let hash = velox_kernel::Digest::new([1; 32]);
    ledger.store.save_snapshot(Snapshot { account: truth.clone(), hash }).await.unwrap();
    let fresh = ledger.process();
    assert_eq!(fresh.lanes.read(account).await.unwrap(), truth);
    ledger.place(&fresh, account).await;
    ledger.verify().await;
}

#[tokio::test]
async fn contention_keeps_no_more_snapshots_than_quiet() {
    let ledger = Ledger::new();
    let settings = LaneSettings { snapshot_every: 50, ..SETTINGS };
    let (here, there) = (ledger.process_with(settings), ledger.process_with(settings));
    let account = ledger.open(&here).await;
    for _ in 0..30 {
        ledger.place(&here, account).await;
        ledger.place(&there, account).await;
    }
    wait_for_snapshots(&ledger, 1).await;
    for _ in 0..30 {
        ledger.place(&here, account).await;
        ledger.place(&there, account).await;
    }
    wait_for_snapshots(&ledger, 2).await;
    for _ in 0..10 {
        ledger.place(&here, account).await;
        ledger.place(&there, account).await;
    }
    assert_eq!(ledger.store.snapshots.load(Ordering::SeqCst), 2, "one of each fifty events, whoever appended them");
}

#[tokio::test]
async fn accounts_that_were_let_go_come_back() {
    let ledger = Ledger::new();
    let process = ledger.process_with(LaneSettings { accounts: 2, snapshot_every: 3, lanes: 1, ..SETTINGS });
    let mut accounts = vec![];
    for _ in 0..9 {
        accounts.push(ledger.open(&process).await);
    }
    for round in 1..6 {
        for account in &accounts {
            let order = ledger.place(&process, *account).await;
            if round % 2 == 0 {
                process.run(*account, Command::Cancel { order }).await.unwrap();
            }
        }
    }
    for account in &accounts {
        assert_eq!(process.lanes.read(*account).await.unwrap().open_orders().count(), 3);
    }
    ledger.verify().await;
}
