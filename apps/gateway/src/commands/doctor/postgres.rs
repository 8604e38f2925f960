//! The settings of a PostgreSQL server that decide whether a commit is durable, and whether failures are understood.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::SimpleQueryMessage;
use velox_crypto::SystemClock;
use velox_kernel::Clock;
use velox_postgres::{Server, speaks_english};

use super::finding::Finding;

const CHECK: &str = "postgresql";
/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The oldest server that Velox is tested with: 15, as PostgreSQL numbers it.
const OLDEST: u32 = 150_000;
/// How far the server's clock may be off, in seconds.
const SKEW: u64 = 5;

/// Asks the server.
pub(super) async fn check(url: &SecretString) -> Vec<Finding> {
    match tokio::time::timeout(PATIENCE, ask(url)).await {
        Ok(Ok(findings)) => findings,
        Ok(Err(error)) => vec![unread(&error.to_string())],
        Err(_) => vec![unread("it did not answer in time")],
    }
}

fn unread(reason: &str) -> Finding {
    Finding::warn(
        CHECK,
        format!("its settings cannot be read: {reason}"),
        "let the user of database.url read pg_settings",
    )
}

async fn ask(url: &SecretString) -> Result<Vec<Finding>, Box<dyn std::error::Error + Send + Sync>> {
    let server = Server::parse(url.expose_secret())?.connect_within(PATIENCE);
    let (client, connection) = server.connect().await?;
    let driver = tokio::spawn(connection);
    let query = "SELECT current_setting('server_version_num'), current_setting('fsync'), \
                 current_setting('synchronous_commit'), current_setting('full_page_writes'), \
                 extract(epoch FROM clock_timestamp())::bigint, current_setting('lc_messages')";
    let rows = client.simple_query(query).await;
    let now = SystemClock.now().seconds();
    drop(client);
    // The connection ends with its client; what it says at its end does not matter any more.
    let _ = driver.await;
    let rows = rows?;
    let row = rows.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let text = |column: usize| row.and_then(|row| row.get(column)).unwrap_or_default();
    let mut findings = Vec::new();
    let version: u32 = text(0).parse().unwrap_or(0);
    if version < OLDEST {
        findings.push(Finding::warn(
            CHECK,
            format!("the server is of version {}", version / 10_000),
            "use PostgreSQL 15 or newer, which Velox is tested with",
        ));
    }
    for (setting, value, lost) in [
        ("fsync", text(1), "a crash of the machine can lose or damage everything"),
        ("synchronous_commit", text(2), "a crash can lose orders that were acknowledged"),
        ("full_page_writes", text(3), "a crash in the middle of a write can damage the database"),
    ] {
        if value == "off" {
            findings.push(Finding::warn(CHECK, format!("{setting} is off: {lost}"), format!("set {setting} = on")));
        }
    }
    if let Ok(theirs) = text(4).parse::<i64>()
        && theirs.abs_diff(now) > SKEW
    {
        findings.push(Finding::warn(
            CHECK,
            format!("its clock and this one are {} s apart", theirs.abs_diff(now)),
            "let both be kept by NTP",
        ));
    }
    if !speaks_english(text(5)) {
        findings.push(Finding::fail(
            CHECK,
            format!(
                "it speaks `{}` (lc_messages), and what it says about failures decides what is tried again",
                text(5)
            ),
            "have a superuser run ALTER ROLE … SET lc_messages = 'C' for the role of database.url",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, format!("version {}, commits are durable", version / 10_000)));
    }
    Ok(findings)
}
