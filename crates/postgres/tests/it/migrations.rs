//! Changes of the schema: one program at a time, forward only, and never in anybody's way for long.

use std::time::Duration;

use tokio::time::timeout;
use velox_postgres::{ConnectError, PostgresOptions, PostgresStore};
use velox_sql::MigrationError;

use crate::database::Database;
use crate::faults::error_of;

/// A step that can be undone by hand, so that it is missing again.
const STEP: &str = "0005_waiting_orders";
const UNDO: &str =
    "DROP INDEX orders_waiting; DELETE FROM __diesel_schema_migrations WHERE version = '0005_waiting_orders'";

fn impatient() -> PostgresOptions {
    let patience = Duration::from_secs(1);
    PostgresOptions { schema_lock: patience, schema_turn: patience, ..PostgresOptions::default() }
}

#[tokio::test]
async fn servers_that_start_together_change_the_schema_once() {
    let database = Database::empty().await;
    let starts = (0..4).map(|_| database.store());
    for store in futures_util::future::join_all(starts).await {
        store.health().await.unwrap();
    }
    let steps = database.client().await.query("SELECT version FROM __diesel_schema_migrations", &[]).await.unwrap();
    assert_eq!(steps.len(), velox_sql::MIGRATIONS_POSTGRES.len());
    database.drop().await;
}

#[tokio::test]
async fn leaves_a_database_of_a_newer_version_alone() {
    let database = Database::migrated().await;
    let note = "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999_from_the_future')";
    database.client().await.batch_execute(note).await.unwrap();
    let options = PostgresOptions::default();
    for connected in [
        PostgresStore::connect(&database.url, &options).await,
        PostgresStore::connect_read_only(&database.url, &options).await,
    ] {
        let ConnectError::Schema(MigrationError::Newer { version }) = error_of(connected) else {
            panic!("another error");
        };
        assert_eq!(version, "9999_from_the_future");
    }
    database.drop().await;
}

/// Whoever holds a lock that a step needs keeps the start from succeeding; the start keeps nobody else waiting for long, ends
/// soon, and says who it was.
#[tokio::test]
async fn a_start_that_cannot_change_the_schema_says_who_is_in_the_way() {
    let database = Database::migrated().await;
    let (blocker, writer) = (database.client().await, database.client().await);
    blocker.batch_execute(UNDO).await.unwrap();
    blocker.batch_execute("SET application_name = 'a long report'").await.unwrap();
    blocker.batch_execute("BEGIN; LOCK TABLE orders IN ROW EXCLUSIVE MODE").await.unwrap();
    let options = impatient();
    let mut start = Box::pin(timeout(Duration::from_secs(30), PostgresStore::connect(&database.url, &options)));
    let write = "SET lock_timeout = '5s'; BEGIN; LOCK TABLE orders IN ROW EXCLUSIVE MODE; COMMIT";
    let error = loop {
        tokio::select! {
            started = &mut start => break error_of(started.unwrap()),
            written = writer.batch_execute(write) => written.unwrap(),
        }
    };
    drop(start);
    let ConnectError::Schema(MigrationError::Blocked { version, by }) = error else { panic!("{error}") };
    assert_eq!(version, STEP);
    assert!(by.contains("a long report") && by.contains("idle in transaction"), "{by}");
    assert!(by.contains("LOCK TABLE orders IN ROW EXCLUSIVE MODE"), "{by}");
    blocker.batch_execute("COMMIT").await.unwrap();
    PostgresStore::connect(&database.url, &options).await.unwrap();
    let index = writer.query_one("SELECT to_regclass('orders_waiting') IS NOT NULL", &[]).await.unwrap();
    assert!(index.get::<_, bool>(0), "the next start does it");
    database.drop().await;
}

#[tokio::test]
async fn a_start_does_not_wait_forever_for_another_program() {
    let database = Database::migrated().await;
    let other = database.client().await;
    other
        .batch_execute("SET application_name = 'another velox'; SELECT pg_advisory_lock(x'76656C6F78'::bigint)")
        .await
        .unwrap();
    let error = error_of(PostgresStore::connect(&database.url, &impatient()).await);
    let ConnectError::Schema(MigrationError::Busy { by }) = error else { panic!("{error}") };
    assert!(by.contains("another velox"), "{by}");
    database.drop().await;
}
