//! The database: there, whole, and of this program's version.

use std::time::Duration;

use super::finding::Finding;
use super::postgres;
use crate::commands::database::{self, State, check_integrity, describe, known_steps, look};
use crate::config::{Config, DatabaseUrl};

const CHECK: &str = "database";
/// How long reading the file for damage may take here; `velox verify` takes the time it needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the database is like, and what is to be said of it.
pub(super) async fn check(config: &Config) -> (State, Vec<Finding>) {
    let state = look(config).await;
    let mut findings = vec![say(config, &state).await];
    match &config.database.url {
        DatabaseUrl::Embedded => findings.extend(held(config)),
        DatabaseUrl::Postgres(url) => {
            if !matches!(state, State::Unavailable(_)) {
                findings.extend(postgres::check(url).await);
            }
        }
    }
    (state, findings)
}

async fn say(config: &Config, state: &State) -> Finding {
    let name = describe(config);
    let version = known_steps(config).last().map_or("none", |step| step.version);
    match state {
        State::Current => whole(config, &name, version).await,
        State::Missing => Finding::ok(CHECK, format!("{name} is not there yet; the first start makes it")),
        State::Older(step) => Finding::warn(
            CHECK,
            format!("{name} is of an older Velox: the migration {step} is pending"),
            "take a backup, then start the server, which applies it",
        ),
        State::Newer(step) => Finding::fail(
            CHECK,
            format!("{name} is of a newer Velox: it has the migration {step}, and this program knows up to {version}"),
            "start the newer program, or restore a backup made before it",
        ),
        State::Corrupt(reason) => damaged(&name, reason),
        State::Foreign => Finding::fail(
            CHECK,
            format!("{name} is a database, but not one of Velox"),
            "set data.dir to another directory, or move that file away",
        ),
        State::Unavailable(reason) => Finding::fail(CHECK, format!("{name}: {reason}"), unreachable_mend(config)),
    }
}

/// A file of the right version may still be damaged further in.
async fn whole(config: &Config, name: &str, version: &str) -> Finding {
    let ok = Finding::ok(CHECK, format!("{name}, schema {version}"));
    match tokio::time::timeout(PATIENCE, check_integrity(config)).await {
        Ok(State::Corrupt(reason)) => damaged(name, &reason),
        Ok(State::Unavailable(reason)) => Finding::fail(CHECK, format!("{name}: {reason}"), unreachable_mend(config)),
        Ok(_) => ok,
        Err(_) => Finding::warn(
            CHECK,
            format!("{name}, schema {version}; reading all of it took longer than {} s", PATIENCE.as_secs()),
            "run `velox verify`, which takes the time it needs",
        ),
    }
}

fn damaged(name: &str, reason: &str) -> Finding {
    Finding::fail(
        CHECK,
        format!("{name} is damaged: {reason}"),
        "stop the server, keep a copy of the file, and restore a backup (docs/operations.md)",
    )
}

fn unreachable_mend(config: &Config) -> &'static str {
    match config.database.url {
        DatabaseUrl::Embedded => "give this user access to the file",
        DatabaseUrl::Postgres(_) => {
            "start PostgreSQL, and check host, port, name, user and password in database.url (try it with psql)"
        }
    }
}

fn held(config: &Config) -> Option<Finding> {
    match database::is_held(config) {
        Ok(true) => Some(Finding::ok("lock", "a running server holds the database")),
        Ok(false) => None,
        Err(error) => Some(Finding::fail(
            "lock",
            format!("the lock beside the database cannot be read: {error}"),
            "give this user access to the data directory",
        )),
    }
}
