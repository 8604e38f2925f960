//! What the pool tells of itself, and what its sessions are told.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::timeout;
use velox_kernel::{Ids, MemberId, ShardStore, SignalBus};
use velox_postgres::{ConnectError, PoolObserver, PoolStatus, PostgresOptions, PostgresStore};
use velox_sql::Failure;
use velox_testkit::trading::FreshIds;
use velox_trading::TradingLog;

use crate::database::Database;
use crate::faults::desk;

#[derive(Default)]
struct Waits(Mutex<Vec<Duration>>);

impl PoolObserver for Waits {
    fn leased(&self, waited: Duration) {
        self.0.lock().unwrap().push(waited);
    }
}

#[tokio::test]
async fn tells_how_it_stands_and_how_long_callers_waited() {
    let database = Database::migrated().await;
    let waits = Arc::new(Waits::default());
    let options = PostgresOptions { pool_observer: Some(waits.clone()), ..PostgresOptions::default() };
    let store = database.store_with(&options).await;
    assert_eq!(store.pool_status(), PoolStatus { size: 1, available: 1, waiting: 0 });
    let before = waits.0.lock().unwrap().len();
    for _ in 0..3 {
        store.health().await.unwrap();
    }
    assert_eq!(waits.0.lock().unwrap().len(), before + 3);
    store.close();
    assert_eq!(store.pool_status(), PoolStatus::default());
    database.drop().await;
}

#[tokio::test]
async fn a_host_that_hangs_keeps_nobody_from_the_next_one() {
    let database = Database::migrated().await;
    // It takes connections, as a server does that is frozen, and says nothing.
    let mute = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = database.second_after(mute.local_addr().unwrap().port());
    let store = PostgresStore::connect(&url, &PostgresOptions::default()).await.unwrap();
    store.health().await.unwrap();
    store.beat("pool", MemberId::new(FreshIds.next()), 1, &[]).await.unwrap();
    store.signals().publish("{}").await.unwrap();
    store.close();
    // A look that only reads asks the primary too.
    let look = PostgresStore::connect_read_only(&url, &PostgresOptions::default()).await.unwrap();
    look.health().await.unwrap();
    look.close();
    database.drop().await;
}

/// Has a session that writes note by which deadlines the server would end it.
const NOTE: &str = "CREATE TABLE noted (session text, statement text, idle text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO noted SELECT current_setting('application_name'), current_setting('statement_timeout'),
            current_setting('idle_in_transaction_session_timeout');
        RETURN NULL;
    END $$;
    CREATE TRIGGER note AFTER INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION note();
    CREATE TRIGGER note AFTER INSERT ON role_members FOR EACH ROW EXECUTE FUNCTION note()";

/// Also on the session that has changed the schema, for which there was no deadline meanwhile.
#[tokio::test]
async fn the_server_knows_the_deadlines_of_every_session() {
    let database = Database::migrated().await;
    let client = database.client().await;
    client.batch_execute(NOTE).await.unwrap();
    let deadlines = PostgresOptions {
        connections: 1,
        statement: Duration::from_secs(7),
        idle_in_transaction: Duration::from_secs(3),
        ..PostgresOptions::default()
    };
    let store = database.store_with(&deadlines).await;
    store.append(vec![desk().open()]).await.unwrap();
    store.beat("pool", MemberId::new(FreshIds.next()), 1, &[]).await.unwrap();
    let noted = client.query("SELECT session, statement, idle FROM noted ORDER BY session", &[]).await.unwrap();
    let noted: Vec<[String; 3]> = noted.iter().map(|row| [row.get(0), row.get(1), row.get(2)]).collect();
    assert_eq!(noted, ["velox", "velox presence"].map(|session| [session, "7s", "3s"]));
    store.close();
    database.drop().await;
}

/// A look at the schema has no deadline of ours.
#[tokio::test]
async fn the_server_ends_a_statement_that_takes_too_long() {
    let database = Database::migrated().await;
    let options = PostgresOptions { statement: Duration::from_millis(300), ..PostgresOptions::default() };
    let store = database.store_with(&options).await;
    store.check_schema().await.unwrap();
    let sleeps = "ALTER TABLE __diesel_schema_migrations RENAME TO steps;
        CREATE VIEW __diesel_schema_migrations AS SELECT steps.version FROM steps, pg_sleep(600)";
    database.client().await.batch_execute(sleeps).await.unwrap();
    let looked = timeout(Duration::from_secs(20), store.check_schema()).await.expect("the server ends it");
    let Err(ConnectError::Unavailable(Failure::Unavailable(reason))) = looked else { panic!("{looked:?}") };
    assert_eq!(reason, "canceling statement due to statement timeout");
    store.health().await.unwrap();
    store.close();
    database.drop().await;
}
