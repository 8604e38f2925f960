//! What is tried again by itself, and what is left behind when somebody goes away.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::Client;
use velox_market::MarketStore;
use velox_postgres::{PostgresOptions, PostgresStore};
use velox_testkit::trading::AccountScenario;
use velox_trading::{Append, Appended, DecideLocked, Head, RecordedEvent, TradingLog};

use crate::database::Database;
use crate::faults::{desk, is_somebody_waiting, order};
use crate::proxy::Proxy;

const LOCK_HEADS: &str = "BEGIN; SELECT 1 FROM stream_heads FOR UPDATE";
const CUT_THE_WAITING: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                               WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// A store with four idle sessions that all go through a proxy.
async fn behind_a_proxy(database: &Database) -> (PostgresStore, Proxy) {
    let proxy = Proxy::before(database).await;
    let options = PostgresOptions { connections: 4, ..PostgresOptions::default() };
    let store = PostgresStore::connect(&proxy.url(database), &options).await.unwrap();
    fill(&store).await;
    (store, proxy)
}

/// Lets every connection of the pool be made.
async fn fill(store: &PostgresStore) {
    while store.pool_status().available < 4 {
        let asked = futures_util::future::join_all((0..4).map(|_| store.health())).await;
        assert!(asked.iter().all(Result::is_ok), "{asked:?}");
    }
}

/// After a restart or a failover the whole pool is stale. Nobody's request pays for that, whatever comes first.
#[tokio::test]
async fn stale_sessions_fail_nobody() {
    let database = Database::migrated().await;
    let (store, proxy) = behind_a_proxy(&database).await;
    let mut desk = desk();

    proxy.forget_connections();
    assert_eq!(store.append(vec![desk.open()]).await, Ok(vec![Appended::Committed]), "a commit");
    assert!(store.pool_status().size <= 2, "all stale sessions are dropped at the first one's use");

    fill(&store).await;
    proxy.forget_connections();
    assert_eq!(store.events(desk.id(), 0, 10).await.unwrap(), desk.log(), "a read");
    assert_eq!(store.pool_status().size, 1);

    fill(&store).await;
    proxy.forget_connections();
    store.save_tickers(&[]).await.unwrap();
    assert_eq!(store.pool_status().size, 1, "a transaction of several statements");

    fill(&store).await;
    proxy.forget_connections();
    let (account, head) = (desk.id(), desk.head());
    store.append_locked(account, head, Box::new(Nothing)).await.map(|_| ()).unwrap();
    assert_eq!(store.pool_status().size, 1, "a decision under the lock");
    database.drop().await;
}

/// Decides nothing.
struct Nothing;

impl DecideLocked for Nothing {
    fn decide(&mut self, _: Head, _: Vec<RecordedEvent>) -> Option<Append> {
        None
    }
}

/// An account's store, somebody who holds its head, and an append that waits for it.
async fn waiting_append(
    database: &Database,
    url: &str,
) -> (Arc<PostgresStore>, AccountScenario, Client, JoinHandle<Vec<Appended>>) {
    let store = Arc::new(PostgresStore::connect(url, &PostgresOptions::default()).await.unwrap());
    let mut desk = desk();
    store.append(vec![desk.open()]).await.unwrap();
    let (blocker, watcher) = (database.client().await, database.client().await);
    blocker.batch_execute(LOCK_HEADS).await.unwrap();
    let (busy, next) = (Arc::clone(&store), order(&mut desk));
    let waiting = tokio::spawn(async move { busy.append(vec![next]).await.unwrap() });
    while !is_somebody_waiting(&watcher).await {}
    (store, desk, blocker, waiting)
}

/// The answer of an append is lost when its session is cut off. It has done nothing, which is looked for, and so it is sent
/// again.
#[tokio::test]
async fn an_append_that_was_cut_off_is_sent_again() {
    let database = Database::migrated().await;
    let (store, desk, blocker, waiting) = waiting_append(&database, &database.url).await;
    let watcher = database.client().await;
    watcher.batch_execute(CUT_THE_WAITING).await.unwrap();
    while !is_somebody_waiting(&watcher).await {
        assert!(!waiting.is_finished(), "{:?}", waiting.await);
    }
    blocker.batch_execute("COMMIT").await.unwrap();
    assert_eq!(waiting.await.unwrap(), [Appended::Committed]);
    assert_eq!(store.events(desk.id(), 0, 10).await.unwrap(), desk.log());
    database.drop().await;
}

/// One that was done, though its answer was lost, is not done again.
#[tokio::test]
async fn an_append_whose_answer_was_lost_is_done_once() {
    let database = Database::migrated().await;
    let proxy = Proxy::before(&database).await;
    let options = PostgresOptions { statement: Duration::from_secs(1), ..PostgresOptions::default() };
    let store = PostgresStore::connect(&proxy.url(&database), &options).await.unwrap();
    let mut desk = desk();
    store.append(vec![desk.open()]).await.unwrap();
    // At its commit the session says so and waits, so that it can be cut off from us with its work done.
    let (blocker, watcher) = (database.client().await, database.client().await);
    blocker
        .batch_execute(
            "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $$; \
             CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED \
             FOR EACH ROW EXECUTE FUNCTION hold(); SELECT pg_advisory_lock(7)",
        )
        .await
        .unwrap();
    let next = order(&mut desk);
    let lost = async {
        while !is_somebody_waiting(&watcher).await {}
        proxy.swallow_answers();
        blocker.batch_execute("SELECT pg_advisory_unlock(7); DROP TRIGGER hold ON orders").await.unwrap();
        proxy.forget_connections();
    };
    let (outcome, ()) = tokio::join!(store.append(vec![next]), lost);
    assert_eq!(outcome, Ok(vec![Appended::Committed]));
    assert_eq!(store.events(desk.id(), 0, 10).await.unwrap(), desk.log());
    database.drop().await;
}

/// On a server whose transactions are serializable by default, a race is an error of the server.
#[tokio::test]
async fn a_serialization_failure_is_tried_again() {
    let database = Database::migrated().await;
    let url = format!("{} options='-c default_transaction_isolation=serializable'", database.url);
    let (store, desk, blocker, waiting) = waiting_append(&database, &url).await;
    blocker.batch_execute("UPDATE stream_heads SET published_seq = 1; COMMIT").await.unwrap();
    assert_eq!(waiting.await.unwrap(), [Appended::Committed]);
    assert_eq!(store.events(desk.id(), 0, 10).await.unwrap(), desk.log());
    database.drop().await;
}

/// Our own batches never wait for each other in a circle; somebody else's transaction may.
#[tokio::test]
async fn a_deadlock_is_tried_again() {
    let database = Database::migrated().await;
    let url = format!("{} options='-c deadlock_timeout=100ms'", database.url);
    let store = Arc::new(PostgresStore::connect(&url, &PostgresOptions::default()).await.unwrap());
    let mut desks = [desk(), desk()];
    desks.sort_by_key(AccountScenario::id);
    store.append(desks.iter_mut().map(AccountScenario::open).collect()).await.unwrap();
    let (blocker, watcher) = (database.client().await, database.client().await);
    let lock = |desk: &AccountScenario| {
        format!("SELECT 1 FROM stream_heads WHERE account_id = '{}' FOR UPDATE", desk.id().uuid())
    };
    blocker.batch_execute(&format!("SET deadlock_timeout = '1min'; BEGIN; {}", lock(&desks[1]))).await.unwrap();
    let (busy, batch) = (Arc::clone(&store), desks.iter_mut().map(order).collect());
    let waiting = tokio::spawn(async move { busy.append(batch).await });
    while !is_somebody_waiting(&watcher).await {}
    blocker.batch_execute(&format!("{}; COMMIT", lock(&desks[0]))).await.unwrap();
    assert_eq!(waiting.await.unwrap(), Ok(vec![Appended::Committed; 2]));
    database.drop().await;
}

/// Whoever goes away in the middle of a transaction leaves no lock behind, not even while a statement of it is at work.
#[tokio::test]
async fn a_dropped_transaction_is_undone_at_once() {
    let database = Database::migrated().await;
    let store = Arc::new(database.store().await);
    let mut desk = desk();
    store.append(vec![desk.open()]).await.unwrap();
    let (blocker, watcher) = (database.client().await, database.client().await);
    blocker.batch_execute("BEGIN; LOCK TABLE orders IN SHARE MODE").await.unwrap();
    // It holds the account's head, and waits to write the order.
    let (busy, account, head) = (Arc::clone(&store), desk.id(), desk.head());
    let decide = Box::new(Places(Some(order(&mut desk))));
    let waiting = tokio::spawn(async move { busy.append_locked(account, head, decide).await.map(|_| ()) });
    while !is_somebody_waiting(&watcher).await {}
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    let next = database.client().await;
    next.batch_execute(&format!("SET lock_timeout = '5s'; {LOCK_HEADS}; ROLLBACK")).await.unwrap();
    assert_eq!(store.pool_status().size, 0, "its session is not used again");
    blocker.batch_execute("COMMIT").await.unwrap();
    assert_eq!(store.events(account, 1, 10).await.unwrap(), [], "and nothing of it is there");
    database.drop().await;
}

/// Decides what was decided.
struct Places(Option<Append>);

impl DecideLocked for Places {
    fn decide(&mut self, _: Head, _: Vec<RecordedEvent>) -> Option<Append> {
        self.0.take()
    }
}

/// While the server is away the truth is told at once, and the pool is good when it is back.
#[tokio::test]
async fn nothing_hangs_while_the_server_is_away() {
    let database = Database::migrated().await;
    let (store, proxy) = behind_a_proxy(&database).await;
    let mut desk = desk();
    store.append(vec![desk.open()]).await.unwrap();
    proxy.go_away();
    let answer = tokio::time::timeout(Duration::from_secs(1), store.events(desk.id(), 0, 10)).await.unwrap();
    assert!(matches!(answer, Err(velox_trading::StoreError::Unavailable(_))), "{answer:?}");
    proxy.come_back();
    assert_eq!(store.events(desk.id(), 0, 10).await.unwrap(), desk.log());
    database.drop().await;
}
