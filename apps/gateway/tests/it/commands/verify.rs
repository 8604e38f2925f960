//! `velox verify` finds what was changed behind the program's back, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio_postgres::NoTls;
use velox_postgres::{PostgresOptions, PostgresStore};

use super::database::{Embedded, Traded};
use super::velox;

/// Accounts that are written in turn, while they are checked.
const ACCOUNTS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_database_is_clean() {
    let (database, traded) = Embedded::traded().await;
    let directory = database.0.path();
    let events: u64 = traded.iter().map(|traded| u64::try_from(traded.scenario.log().len()).unwrap()).sum();
    let summary = format!("accounts 2, events {events}, orders 4, fills 2,");
    velox(directory, &["verify"], &[]).ends(0).says(&[&summary, "no faults"]);

    let one = traded[0].account.to_string();
    velox(directory, &["verify", "--account", &one], &[]).ends(0).says(&["accounts 1,", "orders 2, fills 1,"]);

    let report: Value = serde_json::from_str(&velox(directory, &["verify", "--json"], &[]).ends(0).out).unwrap();
    assert_eq!((&report["complete"], &report["accounts"]), (&true.into(), &2.into()), "{report}");
    assert_eq!((&report["events"], &report["faults"]), (&events.into(), &Value::Array(Vec::new())), "{report}");
    assert!(report["seconds"].is_f64(), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_is_found_and_named() {
    for (sql, words) in [
        ("UPDATE events SET payload = CAST(replace(CAST(payload AS TEXT), '99.5', '90.5') AS BLOB)", "hash"),
        ("UPDATE events SET hash = zeroblob(32) WHERE seq = 3", "hash"),
        ("UPDATE events SET recorded_at = recorded_at + 1 WHERE seq = 2", "hash"),
        ("DELETE FROM events WHERE seq = 3", "event"),
        (
            "UPDATE orders SET status = 'canceled', is_open = FALSE WHERE status <> 'filled'",
            "is not what the log gives",
        ),
        ("UPDATE orders SET side = 'sideways'", "cannot be read"),
        ("DELETE FROM orders WHERE status = 'filled'", "is not what the log gives"),
        ("DELETE FROM fills", "fill fill-"),
        ("DELETE FROM positions", "the positions are not what the log gives"),
        ("DELETE FROM balances", "the balances are not what the log gives"),
        ("UPDATE accounts SET name = 'Mine'", "the account's row is not what the log gives"),
    ] {
        let (database, traded) = Embedded::traded().await;
        database.tamper(sql);
        let said = velox(database.0.path(), &["verify"], &[]).ends(1).says(&["fault: ", words]);
        for traded in &traded {
            assert!(said.out.contains(&traded.account.to_string()), "{sql}: {said:?}");
        }
        let report = velox(database.0.path(), &["verify", "--json"], &[]).ends(1).out;
        let report: Value = serde_json::from_str(&report).unwrap();
        assert!(report["fault_count"].as_u64().unwrap() >= 2, "{sql}: {report}");
        assert_eq!(report["faults"].as_array().unwrap().len(), 2, "{sql}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_is_checked_alone() {
    let (database, traded) = Embedded::traded().await;
    let order = traded[0].filled.uuid().simple().to_string();
    database.tamper(&format!("DELETE FROM fills WHERE order_id = X'{order}'"));
    let check =
        |account: &Traded| velox(database.0.path(), &["verify", "--account", &account.account.to_string()], &[]);
    check(&traded[0]).ends(1).says(&["is missing from the read table", "1 fault"]);
    check(&traded[1]).ends(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_checked_is_no_fault() {
    let empty = Embedded::new();
    velox(empty.0.path(), &["verify"], &[]).ends(2).says(&["could not check", "there is no database yet"]);
    velox(empty.0.path(), &["verify", "--set", "server.prot=1"], &[]).ends(2).says(&["did you mean"]);

    let (database, _) = Embedded::traded().await;
    let nobody = velox_kernel::AccountId::new(uuid::Uuid::from_u128(7)).to_string();
    velox(database.0.path(), &["verify", "--account", &nobody], &[]).ends(2).says(&["there is no account", &nobody]);
    database.tamper("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999_later')");
    velox(database.0.path(), &["verify"], &[]).ends(2).says(&["newer Velox", "9999_later"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_a_fault() {
    let (database, _) = Embedded::traded().await;
    database.damage();
    velox(database.0.path(), &["verify"], &[]).ends(1).says(&["fault: the database is damaged"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_reads_beside_a_server_that_writes() {
    let database = Embedded::new();
    let store = Arc::new(database.open());
    let mut accounts = Vec::new();
    for _ in 0..ACCOUNTS {
        accounts.push(Traded::keep(&*store).await);
    }
    let enough = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (store, enough) = (Arc::clone(&store), Arc::clone(&enough));
        async move {
            while !enough.load(Ordering::Relaxed) {
                for traded in &mut accounts {
                    traded.go_on(&*store).await;
                }
            }
            accounts.iter().map(|traded| traded.scenario.log().len()).sum::<usize>()
        }
    });
    let directory = database.0.path().to_owned();
    let checks = tokio::task::spawn_blocking(move || {
        for _ in 0..5 {
            velox(&directory, &["verify"], &[]).ends(0).says(&["accounts 40,", "no faults"]);
        }
        enough.store(true, Ordering::Relaxed);
        directory
    });
    let (directory, events) = (checks.await.unwrap(), writer.await.unwrap());
    velox(&directory, &["verify"], &[]).ends(0).says(&[&format!("events {events},")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_checks_a_database_on_postgresql() {
    let Some(server) = std::env::var("VELOX_TEST_POSTGRES_URL").ok() else {
        eprintln!("skipped: VELOX_TEST_POSTGRES_URL names no server; `cargo xtask test` starts one");
        return;
    };
    let name = format!("velox_verify_{}", std::process::id());
    let (administrator, connection) = tokio_postgres::connect(&server, NoTls).await.unwrap();
    tokio::spawn(connection);
    administrator.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.unwrap();
    administrator.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (before, after) = server.rsplit_once('/').unwrap();
    let options = after.split_once('?').map(|(_, options)| format!("?{options}")).unwrap_or_default();
    let url = format!("{before}/{name}{options}");

    let directory = tempfile::tempdir().unwrap();
    let check = || velox(directory.path(), &["verify"], &[("VELOX_DATABASE_URL", &url)]);
    check().ends(2).says(&["there is no database yet"]);
    let store = PostgresStore::connect(&url, &PostgresOptions::default()).await.unwrap();
    Traded::keep(&store).await;
    check().ends(0).says(&["accounts 1,", "orders 2, fills 1,", "no faults"]);
    let status = || velox(directory.path(), &["migrate", "status"], &[("VELOX_DATABASE_URL", &url)]);
    let current = status().ends(0).says(&["database  PostgreSQL", "applied   0001_trading"]);
    assert!(!current.out.contains("pending"), "{current:?}");

    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let newest = "(SELECT max(version) FROM __diesel_schema_migrations)";
    client.batch_execute(&format!("DELETE FROM __diesel_schema_migrations WHERE version = {newest}")).await.unwrap();
    status().ends(0).says(&["pending   ", "the next start of the server applies what is pending"]);
    client.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999_later')").await.unwrap();
    status().ends(1).says(&["unknown   9999_later", "newer Velox"]);
    let known = velox_sql::MIGRATIONS_POSTGRES.last().unwrap().version;
    let mend = format!("UPDATE __diesel_schema_migrations SET version = '{known}' WHERE version = '9999_later'");
    client.batch_execute(&mend).await.unwrap();
    client.batch_execute("DELETE FROM fills").await.unwrap();
    check().ends(1).says(&["fault: ", "is missing from the read table"]);
    let doctor = velox(directory.path(), &["doctor", "--port", "0"], &[("VELOX_DATABASE_URL", &url)]);
    let fsync = client.query_one("SELECT current_setting('fsync')", &[]).await.unwrap().get::<_, String>(0);
    let words = if fsync == "off" { "warn  postgresql     fsync is off" } else { "ok    postgresql" };
    doctor.says(&[words]);
    store.close();
    administrator.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
}
