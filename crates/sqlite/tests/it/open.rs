//! What can go wrong with a file: each a clear error, and nothing lost.

use std::path::Path;
use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use velox_kernel::{AccountId, PageRequest};
use velox_sql::{Commit, CommitObserver, MigrationError};
use velox_sqlite::{OpenError, SqliteOptions, SqliteStore};
use velox_testkit::trading::{AccountScenario, FreshIds, price, symbol};
use velox_trading::{Append, Appended, DecideLocked, Head, RecordedEvent, Side, StoreError, TradingLists, TradingLog};

use crate::Folders;

fn open(path: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(path, &SqliteOptions::default())
}

fn error_of(opened: Result<SqliteStore, OpenError>) -> OpenError {
    match opened {
        Ok(_) => panic!("the store was opened"),
        Err(error) => error,
    }
}

fn desk() -> AccountScenario {
    let mut desk = AccountScenario::new(Arc::new(FreshIds));
    desk.set_price(symbol("BTC-PERP"), price("100"));
    desk
}

fn order(desk: &mut AccountScenario) -> Append {
    desk.place_limit(symbol("BTC-PERP"), Side::Buy, "1", price("90")).1
}

fn execute(path: &Path, sql: &str) {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute(sql).unwrap();
}

#[tokio::test]
async fn keeps_what_it_acknowledged_over_a_restart() {
    let folders = Folders::default();
    let path = folders.file();
    let mut desk = desk();
    let store = open(&path).unwrap();
    assert_eq!(store.append(vec![desk.open()]).await, Ok(vec![Appended::Committed]));
    store.health().await.unwrap();
    store.close();
    let store = open(&path).unwrap();
    assert_eq!(store.events(desk.id(), 0, 10).await.unwrap(), desk.log());
    assert_eq!(store.append(vec![order(&mut desk)]).await, Ok(vec![Appended::Committed]));
    store.check_integrity().await.unwrap();
}

#[test]
fn refuses_a_second_server_on_the_same_file() {
    let folders = Folders::default();
    let path = folders.file();
    let first = open(&path).unwrap();
    assert!(matches!(error_of(open(&path)), OpenError::InUse { .. }));
    first.close();
    open(&path).unwrap().close();
}

#[tokio::test]
async fn is_read_beside_a_running_server_and_not_written() {
    let folders = Folders::default();
    let path = folders.file();
    let (server, mut desk) = (open(&path).unwrap(), desk());
    server.append(vec![desk.open()]).await.unwrap();
    let reader = SqliteStore::open_read_only(&path, &SqliteOptions::default()).unwrap();
    assert_eq!(reader.events(desk.id(), 0, 10).await.unwrap(), desk.log());
    let next = order(&mut desk);
    assert!(matches!(reader.append(vec![next.clone()]).await, Err(StoreError::Unavailable(_))));
    server.append(vec![next]).await.unwrap();
    assert_eq!(reader.events(desk.id(), 0, 10).await.unwrap(), desk.log(), "what was committed since is seen");
    reader.close();
    server.close();
    let alone = SqliteStore::open_read_only(&path, &SqliteOptions::default()).unwrap();
    assert_eq!(alone.events(desk.id(), 0, 10).await.unwrap(), desk.log(), "without a server too");
}

#[test]
fn does_not_make_a_file_to_read_it() {
    let folders = Folders::default();
    let path = folders.file();
    let error = error_of(SqliteStore::open_read_only(&path, &SqliteOptions::default()));
    assert!(matches!(error, OpenError::Missing { .. }));
    assert!(!path.exists());
}

#[test]
fn leaves_a_database_of_a_newer_version_alone() {
    let folders = Folders::default();
    let path = folders.file();
    open(&path).unwrap().close();
    execute(&path, "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999_from_the_future')");
    let before = std::fs::read(&path).unwrap();
    for opened in [open(&path), SqliteStore::open_read_only(&path, &SqliteOptions::default())] {
        let OpenError::Schema { source: MigrationError::Newer { version }, .. } = error_of(opened) else {
            panic!("another error");
        };
        assert_eq!(version, "9999_from_the_future");
    }
    assert!(std::fs::read(&path).unwrap() == before, "nothing was touched");
}

#[test]
fn names_a_file_that_is_damaged_or_none_of_ours() {
    let folders = Folders::default();
    let noise = folders.file();
    std::fs::write(&noise, "this is a text and no database at all, long enough to fill a header".repeat(100)).unwrap();
    let before = std::fs::read(&noise).unwrap();
    assert!(matches!(error_of(open(&noise)), OpenError::Corrupt { .. }));
    assert!(std::fs::read(&noise).unwrap() == before, "nothing was touched");

    let foreign = folders.file();
    execute(&foreign, "CREATE TABLE recipes (name TEXT)");
    assert!(matches!(error_of(open(&foreign)), OpenError::Foreign { .. }));
}

#[tokio::test]
async fn finds_damage_inside_the_file() {
    let folders = Folders::default();
    let path = folders.file();
    let (store, mut desk) = (open(&path).unwrap(), desk());
    store.append(vec![desk.open()]).await.unwrap();
    for _ in 0..50 {
        store.append(vec![order(&mut desk)]).await.unwrap();
    }
    store.close();
    assert!(!path.with_file_name("velox.db-wal").exists(), "everything is in the file");
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    match open(&path) {
        Ok(store) => {
            let found = store.check_integrity().await;
            assert!(matches!(found, Err(velox_sql::Failure::Corrupt(_))), "{found:?}");
        }
        Err(error) => assert!(matches!(error, OpenError::Corrupt { .. }), "{error}"),
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let folders = Folders::default();
    let path = folders.file();
    let mut desk = desk();
    let bounded = SqliteOptions { max_pages: Some(120), ..SqliteOptions::default() };
    let store = SqliteStore::open(&path, &bounded).unwrap();
    store.append(vec![desk.open()]).await.unwrap();
    let refused = loop {
        let before = desk.clone();
        match store.append(vec![order(&mut desk)]).await {
            Ok(outcome) => assert_eq!(outcome, [Appended::Committed]),
            Err(error) => {
                desk = before;
                break error;
            }
        }
        assert!(desk.log().len() < 10_000, "the bound does not hold");
    };
    assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
    assert_eq!(store.events(desk.id(), 0, 10_000).await.unwrap(), desk.log(), "what was acknowledged is there");
    store.close();
    // With room again it goes on where it was.
    let store = open(&path).unwrap();
    assert_eq!(store.append(vec![order(&mut desk)]).await, Ok(vec![Appended::Committed]));
    store.check_integrity().await.unwrap();
}

/// Holds the writer until it is let go.
struct Hold {
    began: std::sync::mpsc::Sender<()>,
    go_on: std::sync::mpsc::Receiver<()>,
}

impl DecideLocked for Hold {
    fn decide(&mut self, _: Head, _: Vec<RecordedEvent>) -> Option<Append> {
        self.began.send(()).unwrap();
        self.go_on.recv().unwrap();
        None
    }
}

/// Counts what shared a commit.
#[derive(Default)]
struct Sizes(std::sync::Mutex<Vec<usize>>);

impl CommitObserver for Sizes {
    fn committed(&self, commit: Commit) {
        self.0.lock().unwrap().push(commit.members);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_appends_share_a_commit_and_a_full_queue_is_refused_at_once() {
    let folders = Folders::default();
    let sizes = Arc::new(Sizes::default());
    let options = SqliteOptions { write_queue: 4, observer: sizes.clone(), ..SqliteOptions::default() };
    let store = Arc::new(SqliteStore::open(&folders.file(), &options).unwrap());
    let (began, has_begun) = std::sync::mpsc::channel();
    let (let_go, go_on) = std::sync::mpsc::channel();
    let holder = Arc::clone(&store);
    let nobody = desk().id();
    let none = Head { seq: 0, hash: velox_kernel::Digest::ZERO };
    let held = tokio::spawn(async move {
        holder.append_locked(nobody, none, Box::new(Hold { began, go_on })).await.map(|(_, outcome)| outcome)
    });
    tokio::task::block_in_place(|| has_begun.recv()).unwrap();

    // The writer is busy. Reads do not wait for it.
    assert_eq!(store.accounts(desk().org(), &PageRequest::first()).await.unwrap().items, []);
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let (store, opening) = (Arc::clone(&store), desk().open());
            tokio::spawn(async move { store.append(vec![opening]).await })
        })
        .collect();
    while store.queued().0 < 4 {
        tokio::task::yield_now().await;
    }
    let refused = store.append(vec![desk().open()]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");

    let_go.send(()).unwrap();
    assert_eq!(held.await.unwrap(), Ok(None));
    for append in waiting {
        assert_eq!(append.await.unwrap(), Ok(vec![Appended::Committed]));
    }
    assert_eq!(*sizes.0.lock().unwrap(), [4], "one commit for all four");
}

/// Panics, as a defect would.
struct Defect;

impl DecideLocked for Defect {
    fn decide(&mut self, _: Head, _: Vec<RecordedEvent>) -> Option<Append> {
        panic!("a defect in a decision")
    }
}

#[tokio::test]
async fn a_defect_in_a_decision_does_not_take_the_writer_away() {
    let folders = Folders::default();
    let store = folders.store();
    let nobody: AccountId = desk().id();
    let none = Head { seq: 0, hash: velox_kernel::Digest::ZERO };
    assert!(store.append_locked(nobody, none, Box::new(Defect)).await.is_err());
    assert_eq!(store.append(vec![desk().open()]).await, Ok(vec![Appended::Committed]));
}
