//! Decisions under a stream's lock: two flights, in their order, and the truth about what came of them.

use std::sync::Arc;
use std::time::Duration;

use velox_postgres::{PostgresOptions, PostgresStore};
use velox_testkit::trading::AccountScenario;
use velox_trading::{Append, Appended, DecideLocked, Head, RecordedEvent, StoreError, TradingLog};

use crate::database::Database;
use crate::faults::{desk, is_somebody_waiting, order};
use crate::proxy::Proxy;

/// Decides what was decided.
struct Prepared(Option<Append>);

impl DecideLocked for Prepared {
    fn decide(&mut self, _: Head, _: Vec<RecordedEvent>) -> Option<Append> {
        self.0.take()
    }
}

/// A store of one session behind a proxy, and an account in it.
async fn store(database: &Database) -> (Arc<PostgresStore>, Proxy, AccountScenario) {
    let proxy = Proxy::before(database).await;
    let options = PostgresOptions { connections: 1, statement: Duration::from_secs(5), ..PostgresOptions::default() };
    let store = Arc::new(PostgresStore::connect(&proxy.url(database), &options).await.unwrap());
    let mut desk = desk();
    assert_eq!(store.append(vec![desk.open()]).await, Ok(vec![Appended::Committed]));
    (store, proxy, desk)
}

/// Appends what was decided, under the lock.
async fn append(store: &PostgresStore, known: Head, append: Append) -> Result<Option<Appended>, StoreError> {
    let account = append.account;
    store.append_locked(account, known, Box::new(Prepared(Some(append)))).await.map(|(_, appended)| appended)
}

#[tokio::test]
async fn a_decision_takes_two_flights() {
    let database = Database::migrated().await;
    let (store, proxy, mut desk) = store(&database).await;
    // Whatever is prepared is prepared now.
    let (known, first) = (desk.head(), order(&mut desk));
    assert_eq!(append(&store, known, first).await, Ok(Some(Appended::Committed)));
    proxy.flights();
    for _ in 0..3 {
        let (known, next) = (desk.head(), order(&mut desk));
        assert_eq!(append(&store, known, next).await, Ok(Some(Appended::Committed)));
        assert_eq!(proxy.flights(), 2, "the lock and the events; the rows and the commit");
    }
    let repeated = order(&mut desk.clone());
    let next = order(&mut desk);
    assert_eq!(append(&store, desk.head(), next).await, Ok(Some(Appended::Committed)));
    proxy.flights();
    assert_eq!(append(&store, desk.head(), repeated).await, Ok(Some(Appended::Conflict)));
    assert_eq!(proxy.flights(), 2, "there is nothing to undo");
    assert_eq!(store.pool_status().available, 1, "and the session is used again");
    assert_eq!(store.events(desk.id(), 0, 100).await.unwrap(), desk.log());
    database.drop().await;
}

/// The tail of many accounts is one flight, however many they are.
#[tokio::test]
async fn the_tails_of_many_accounts_are_one_flight() {
    let database = Database::migrated().await;
    let (store, proxy, first) = store(&database).await;
    let mut desks: Vec<_> = (0..40).map(|_| desk()).collect();
    store.append(desks.iter_mut().map(AccountScenario::open).collect()).await.unwrap();
    store.tails(&[(first.id(), 0)], 10).await.unwrap();
    proxy.flights();
    let asked: Vec<_> = desks.iter().map(|desk| (desk.id(), 0)).collect();
    let tails = store.tails(&asked, 10).await.unwrap();
    assert_eq!(proxy.flights(), 1);
    assert!(tails.iter().zip(&desks).all(|(tail, desk)| tail == desk.log()));
    database.drop().await;
}

/// On a session that has prepared nothing yet the commit does not overtake what it commits.
#[tokio::test]
async fn what_is_not_prepared_yet_is_not_overtaken() {
    let database = Database::migrated().await;
    let observer = database.client().await;
    observer
        .batch_execute(
            "CREATE TABLE noted (in_transaction boolean); \
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN INSERT INTO noted VALUES (now() < statement_timestamp()); RETURN NULL; END $$; \
             CREATE TRIGGER note AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note()",
        )
        .await
        .unwrap();
    for _ in 0..4 {
        let (store, _proxy, mut desk) = store(&database).await;
        let (known, next) = (desk.head(), order(&mut desk));
        assert_eq!(append(&store, known, next).await, Ok(Some(Appended::Committed)));
        assert_eq!(store.events(desk.id(), 0, 10).await.unwrap(), desk.log());
        store.close();
    }
    let noted = observer.query("SELECT in_transaction FROM noted", &[]).await.unwrap();
    assert_eq!(noted.len(), 4);
    assert!(noted.iter().all(|row| row.get(0)), "each was written in the transaction that holds the lock");
    database.drop().await;
}

const HOLD: &str = "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS \
     $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $$; \
     CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED \
     FOR EACH ROW EXECUTE FUNCTION hold(); SELECT pg_advisory_lock(7)";
const LET_GO: &str = "SELECT pg_advisory_unlock(7); DROP TRIGGER hold ON orders";
const CUT_THE_WAITING: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                               WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// What was done, though its answer was lost, is found.
#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found() {
    let database = Database::migrated().await;
    let (store, proxy, mut desk) = store(&database).await;
    // The session says at its commit that it waits, so that it can be cut off from us with its work done.
    let (blocker, watcher) = (database.client().await, database.client().await);
    blocker.batch_execute(HOLD).await.unwrap();
    let (known, next) = (desk.head(), order(&mut desk));
    let lost = async {
        while !is_somebody_waiting(&watcher).await {}
        proxy.swallow_answers();
        blocker.batch_execute(LET_GO).await.unwrap();
        while watcher.query("SELECT 1 FROM events WHERE seq = 2", &[]).await.unwrap().is_empty() {}
        proxy.forget_connections();
    };
    let (outcome, ()) = tokio::join!(append(&store, known, next), lost);
    assert_eq!(outcome, Ok(Some(Appended::Committed)));
    assert_eq!(store.events(desk.id(), 0, 10).await.unwrap(), desk.log());
    database.drop().await;
}

/// What was cut off before its commit is not there, and that is what is said.
#[tokio::test]
async fn a_commit_that_was_cut_off_is_told_as_not_done() {
    let database = Database::migrated().await;
    let (store, _proxy, mut desk) = store(&database).await;
    let (blocker, watcher) = (database.client().await, database.client().await);
    blocker.batch_execute(HOLD).await.unwrap();
    let (known, before, next) = (desk.head(), desk.clone(), order(&mut desk));
    let cut = async {
        while !is_somebody_waiting(&watcher).await {}
        watcher.batch_execute(CUT_THE_WAITING).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(append(&store, known, next), cut);
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    blocker.batch_execute(LET_GO).await.unwrap();
    assert_eq!(store.events(desk.id(), 0, 10).await.unwrap(), before.log());
    database.drop().await;
}

/// What the server refuses to write is not there, whatever was sent behind it.
#[tokio::test]
async fn a_refusal_of_the_server_is_told_and_nothing_is_there() {
    let database = Database::migrated().await;
    let (store, _proxy, mut desk) = store(&database).await;
    let refusing = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
                    $$ BEGIN RAISE EXCEPTION 'no'; END $$; \
                    CREATE TRIGGER refuse AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION refuse()";
    let administrator = database.client().await;
    administrator.batch_execute(refusing).await.unwrap();
    let before = desk.clone();
    let outcome = append(&store, before.head(), order(&mut desk)).await;
    assert!(matches!(&outcome, Err(StoreError::Unavailable(reason)) if reason == "no"), "{outcome:?}");
    assert_eq!(store.pool_status().available, 1, "the session is in no transaction any more");
    assert_eq!(store.events(desk.id(), 0, 10).await.unwrap(), before.log());
    administrator.batch_execute("DROP TRIGGER refuse ON orders").await.unwrap();
    let mut desk = before;
    let (known, next) = (desk.head(), order(&mut desk));
    assert_eq!(append(&store, known, next).await, Ok(Some(Appended::Committed)));
    database.drop().await;
}

/// A server whose transactions are serializable by default makes no decision under the lock fail.
#[tokio::test]
async fn a_lock_that_was_waited_for_shows_what_was_committed_meanwhile() {
    let database = Database::migrated().await;
    let url = format!("{} options='-c default_transaction_isolation=serializable'", database.url);
    let store = Arc::new(PostgresStore::connect(&url, &PostgresOptions::default()).await.unwrap());
    let mut desk = desk();
    store.append(vec![desk.open()]).await.unwrap();
    let (blocker, watcher) = (database.client().await, database.client().await);
    blocker.batch_execute("BEGIN; UPDATE stream_heads SET published_seq = 1").await.unwrap();
    let (known, next) = (desk.head(), order(&mut desk));
    let busy = Arc::clone(&store);
    let waiting = tokio::spawn(async move { append(&busy, known, next).await });
    while !is_somebody_waiting(&watcher).await {}
    blocker.batch_execute("COMMIT").await.unwrap();
    assert_eq!(waiting.await.unwrap(), Ok(Some(Appended::Committed)));
    assert_eq!(store.events(desk.id(), 0, 10).await.unwrap(), desk.log());
    database.drop().await;
}
