//! Connections that are encrypted, and those that are refused.

use velox_kernel::{Ids, MemberId, ShardStore};
use velox_postgres::{AddressError, ConnectError, PostgresOptions, PostgresStore};
use velox_sql::Failure;
use velox_testkit::trading::FreshIds;

use crate::database::Database;

/// The words of the URL, and whether the store's own sessions are encrypted then.
async fn sessions(database: &Database, url: &str) -> Vec<(String, bool)> {
    let store = PostgresStore::connect(url, &PostgresOptions::default()).await.unwrap();
    store.health().await.unwrap();
    store.beat("tls", MemberId::new(FreshIds.next()), 1, &[]).await.unwrap();
    let query = "SELECT a.application_name, s.ssl FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) \
                 WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() ORDER BY 1";
    let rows = database.client().await.query(query, &[]).await.unwrap();
    store.close();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn refusal(url: &str) -> String {
    match PostgresStore::connect(url, &PostgresOptions::default()).await {
        Ok(_) => panic!("{url} was connected"),
        Err(ConnectError::Unavailable(Failure::Unavailable(reason))) => reason,
        Err(other) => panic!("{url}: {other}"),
    }
}

#[tokio::test]
async fn every_session_is_encrypted_as_the_address_says() {
    for (mode, trust, encrypted) in [
        ("disable", false, false),
        ("prefer", false, true),
        ("require", false, true),
        ("require", true, true),
        ("verify-ca", true, true),
        ("verify-full", true, true),
    ] {
        let database = Database::migrated().await;
        let found = sessions(&database, &database.url_with(mode, trust)).await;
        let of = |name: &str| (name.to_owned(), encrypted);
        assert_eq!(found, [of("velox"), of("velox presence")], "sslmode={mode}");
        database.drop().await;
    }
}

#[tokio::test]
async fn a_server_that_nobody_trusted_has_signed_is_refused() {
    let database = Database::migrated().await;
    for mode in ["verify-ca", "verify-full"] {
        let reason = refusal(&database.url_with(mode, false)).await;
        assert!(reason.contains("UnknownIssuer"), "{mode}: {reason}");
    }
    database.drop().await;
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused_when_the_host_matters() {
    let database = Database::migrated().await;
    let elsewhere = |mode| database.url_with(mode, true).replace("host='127.0.0.1'", "host=localhost");
    let reason = refusal(&elsewhere("verify-full")).await;
    assert!(reason.contains("not valid for name"), "{reason}");
    let store = PostgresStore::connect(&elsewhere("verify-ca"), &PostgresOptions::default()).await.unwrap();
    store.health().await.unwrap();
    database.drop().await;
}

#[tokio::test]
async fn an_address_that_makes_no_sense_is_told_before_anything_is_asked() {
    for (url, part) in [
        ("postgres://127.0.0.1:1/x?sslmode=maybe", "sslmode=maybe is not known"),
        ("postgres://127.0.0.1:1/x?sslmode=verify-full&sslrootcert=/nowhere.pem", "sslrootcert=/nowhere.pem: "),
    ] {
        let error = PostgresStore::connect(url, &PostgresOptions::default()).await.err().unwrap();
        assert!(matches!(
            error,
            ConnectError::Address(AddressError::UnknownSslMode(_) | AddressError::RootCertificates { .. })
        ));
        assert!(error.to_string().contains(part), "{error}");
    }
}
