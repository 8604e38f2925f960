//! What can go wrong with a server and its database.

use std::sync::Arc;
use std::time::Duration;

use velox_postgres::{ConnectError, PostgresOptions, PostgresStore};
use velox_sql::Failure;
use velox_testkit::trading::{AccountScenario, FreshIds, price, symbol};
use velox_trading::{Append, Appended, DecideLocked, Head, RecordedEvent, Side, StoreError, TradingLog};

use crate::database::Database;

pub(crate) fn desk() -> AccountScenario {
    let mut desk = AccountScenario::new(Arc::new(FreshIds));
    desk.set_price(symbol("BTC-PERP"), price("100"));
    desk
}

pub(crate) fn order(desk: &mut AccountScenario) -> Append {
    desk.place_limit(symbol("BTC-PERP"), Side::Buy, "1", price("90")).1
}

pub(crate) fn error_of(connected: Result<PostgresStore, ConnectError>) -> ConnectError {
    match connected {
        Ok(_) => panic!("the store was connected"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn does_not_write_when_connected_to_read() {
    let database = Database::migrated().await;
    let store = PostgresStore::connect_read_only(&database.url, &PostgresOptions::default()).await.unwrap();
    let refused = store.append(vec![desk().open()]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let writer = database.store().await;
    let mut desk = desk();
    writer.append(vec![desk.open()]).await.unwrap();
    assert_eq!(store.events(desk.id(), 0, 10).await.unwrap(), desk.log());
    database.drop().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let url = "postgres://nobody@127.0.0.1:1/nothing";
    let error = error_of(PostgresStore::connect(url, &PostgresOptions::default()).await);
    assert!(matches!(error, ConnectError::Unavailable(Failure::Unavailable(_))), "{error:?}");
}

#[tokio::test]
async fn an_exhausted_pool_refuses_after_its_wait() {
    let database = Database::migrated().await;
    let options = PostgresOptions { connections: 1, wait: Duration::from_millis(50), ..PostgresOptions::default() };
    let store = Arc::new(database.store_with(&options).await);
    let mut desk = desk();
    store.append(vec![desk.open()]).await.unwrap();
    let (blocker, watcher) = (database.client().await, database.client().await);
    blocker.batch_execute("BEGIN; SELECT 1 FROM stream_heads FOR UPDATE").await.unwrap();
    let (busy, next) = (Arc::clone(&store), order(&mut desk));
    let waiting = tokio::spawn(async move { busy.append(vec![next]).await });
    while !is_somebody_waiting(&watcher).await {}
    assert_eq!(store.health().await, Err(Failure::Overloaded));
    blocker.batch_execute("COMMIT").await.unwrap();
    assert_eq!(waiting.await.unwrap(), Ok(vec![Appended::Committed]));
    database.drop().await;
}

pub(crate) async fn is_somebody_waiting(client: &tokio_postgres::Client) -> bool {
    let query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    client.query_one(query, &[]).await.unwrap().get::<_, i64>(0) > 0
}

/// A deadline that passes while the server is still at work: the session is ended there before anything is said.
#[tokio::test]
async fn silence_is_looked_into_before_it_is_answered() {
    let database = Database::migrated().await;
    let options = PostgresOptions { statement: Duration::from_millis(300), ..PostgresOptions::default() };
    let store = database.store_with(&options).await;
    let mut desk = desk();
    store.append(vec![desk.open()]).await.unwrap();
    let (blocker, watcher) = (database.client().await, database.client().await);
    blocker.batch_execute("BEGIN; SELECT 1 FROM stream_heads FOR UPDATE").await.unwrap();
    let next = order(&mut desk);
    let lost = store.append(vec![next.clone()]).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    assert!(!is_somebody_waiting(&watcher).await, "the lost session is gone");
    blocker.batch_execute("COMMIT").await.unwrap();
    assert_eq!(store.append(vec![next]).await, Ok(vec![Appended::Committed]));
    database.drop().await;
}

/// Two servers write many accounts in opposite orders: nobody waits in a circle, every number has one winner.
#[tokio::test(flavor = "multi_thread")]
async fn two_servers_share_one_database() {
    let database = Database::migrated().await;
    let (one, two) = (Arc::new(database.store().await), Arc::new(database.store().await));
    let mut desks: Vec<AccountScenario> = (0..20).map(|_| desk()).collect();
    let openings = desks.iter_mut().map(AccountScenario::open).collect();
    assert!(one.append(openings).await.unwrap().iter().all(|outcome| *outcome == Appended::Committed));
    for _ in 0..20 {
        let mut rivals = desks.clone();
        let mine: Vec<Append> = desks.iter_mut().map(order).collect();
        let mut theirs: Vec<Append> = rivals.iter_mut().map(order).collect();
        theirs.reverse();
        let (a, b) = (Arc::clone(&one), Arc::clone(&two));
        let first = tokio::spawn(async move { a.append(mine).await.unwrap() });
        let second = tokio::spawn(async move { b.append(theirs).await.unwrap() });
        let (first, mut second) = (first.await.unwrap(), second.await.unwrap());
        second.reverse();
        for (place, (mine, theirs)) in first.into_iter().zip(second).enumerate() {
            assert_ne!(mine, theirs, "one of the two wins");
            if theirs == Appended::Committed {
                desks[place] = rivals[place].clone();
            }
        }
    }
    for desk in &desks {
        assert_eq!(one.events(desk.id(), 0, 100).await.unwrap(), desk.log());
    }
    database.drop().await;
}

/// Asks for the lock while somebody else holds it.
struct Nothing;

impl DecideLocked for Nothing {
    fn decide(&mut self, _: Head, _: Vec<RecordedEvent>) -> Option<Append> {
        None
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_lock_behind() {
    let database = Database::migrated().await;
    let store = Arc::new(database.store().await);
    let mut desk = desk();
    store.append(vec![desk.open()]).await.unwrap();
    let (blocker, watcher) = (database.client().await, database.client().await);
    blocker.batch_execute("BEGIN; SELECT 1 FROM stream_heads FOR UPDATE").await.unwrap();
    let (busy, head) = (Arc::clone(&store), desk.head());
    let account = desk.id();
    let waiting = tokio::spawn(async move { busy.append_locked(account, head, Box::new(Nothing)).await.map(|_| ()) });
    while !is_somebody_waiting(&watcher).await {}
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    blocker.batch_execute("COMMIT").await.unwrap();
    assert_eq!(store.append(vec![order(&mut desk)]).await, Ok(vec![Appended::Committed]));
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_for_signals_hears_that_its_session_was_ended_and_the_next_one_works() {
    use velox_kernel::SignalBus;
    let database = Database::migrated().await;
    let store = database.store().await;
    let signals = store.signals();
    let mut listener = signals.listen().await.unwrap();
    signals.publish("one").await.unwrap();
    assert_eq!(listener.next().await.unwrap(), "one");
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND application_name = 'velox signals'";
    database.client().await.batch_execute(end).await.unwrap();
    assert!(listener.next().await.is_err());
    let mut listener = signals.listen().await.unwrap();
    // The session that tells was ended, too: one text may be lost with it.
    while signals.publish("two").await.is_err() {}
    assert_eq!(listener.next().await.unwrap(), "two");
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_no_replica_has_replayed_nothing() {
    let database = Database::migrated().await;
    let (store, other) = (database.store().await, database.store().await);
    let before = store.position().await.unwrap();
    let change = "CREATE TABLE moved (number integer)";
    database.client().await.batch_execute(change).await.unwrap();
    assert!(store.position().await.unwrap() > before, "what was committed moves it");
    assert!(store.replayed().await.is_err(), "one that was promoted is not read as a replica");
    assert_eq!(store.system_identifier().await.unwrap(), other.system_identifier().await.unwrap());
    database.drop().await;
}
