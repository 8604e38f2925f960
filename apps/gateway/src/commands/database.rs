//! Looking at the database that the configuration names, without changing it.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret;
use velox_postgres::{ConnectError, PostgresOptions, PostgresStore};
use velox_sql::{Failure, MIGRATIONS_POSTGRES, MIGRATIONS_SQLITE, Migration, MigrationError};
use velox_sqlite::{OpenError, SqliteOptions, SqliteStore};
use velox_trading::{TradingLog, TradingQueries};

use crate::config::{Config, DatabaseUrl};
use crate::wiring::database_file;

/// The table of the steps that were done; a database without it is empty.
const STEPS_TABLE: &str = "__diesel_schema_migrations";

/// What a database is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// There is none yet: the first start makes it.
    Missing,
    /// It has this program's schema.
    Current,
    /// Steps of the schema are missing, this one first.
    Older(&'static str),
    /// It has a step that this program does not know.
    Newer(String),
    /// It is damaged.
    Corrupt(String),
    /// It is somebody else's.
    Foreign,
    /// It cannot be reached.
    Unavailable(String),
}

/// Where it is, in words that hold no secret.
pub(super) fn describe(config: &Config) -> String {
    match &config.database.url {
        DatabaseUrl::Embedded => database_file(config).display().to_string(),
        DatabaseUrl::Postgres(_) => "PostgreSQL (database.url)".to_owned(),
    }
}

/// The steps of the schema that this program knows, in order.
pub(super) const fn known_steps(config: &Config) -> &'static [Migration] {
    match config.database.url {
        DatabaseUrl::Embedded => MIGRATIONS_SQLITE,
        DatabaseUrl::Postgres(_) => MIGRATIONS_POSTGRES,
    }
}

/// What the database is like.
pub(super) async fn look(config: &Config) -> State {
    match Reading::open(config).await {
        Ok(reading) => {
            reading.close().await;
            State::Current
        }
        Err(state) => state,
    }
}

/// Reads the whole of it for damage.
pub(super) async fn check_integrity(config: &Config) -> State {
    match Reading::open(config).await {
        Ok(reading) => {
            let found = reading.check_integrity().await;
            reading.close().await;
            found
        }
        Err(state) => state,
    }
}

/// The database, opened to read beside whoever writes it.
pub(super) enum Reading {
    Embedded(SqliteStore),
    Server(PostgresStore),
}

impl Reading {
    /// Opens it; when that fails, what it is like.
    pub(super) async fn open(config: &Config) -> Result<Self, State> {
        match &config.database.url {
            DatabaseUrl::Embedded => open_file(config).await.map(Self::Embedded).map_err(of_open),
            DatabaseUrl::Postgres(url) => {
                let options = PostgresOptions { connections: 2, ..PostgresOptions::default() };
                match PostgresStore::connect_read_only(url.expose_secret(), &options).await {
                    Ok(store) => Ok(Self::Server(store)),
                    Err(ConnectError::Schema(error)) => Err(of_schema(error)),
                    Err(ConnectError::Unavailable(failure)) => Err(of_failure(failure)),
                    Err(error @ (ConnectError::Address(_) | ConnectError::NotLoaded | ConnectError::Language(_))) => {
                        Err(State::Unavailable(error.to_string()))
                    }
                }
            }
        }
    }

    pub(super) fn log(&self) -> &dyn TradingLog {
        match self {
            Self::Embedded(store) => store,
            Self::Server(store) => store,
        }
    }

    pub(super) fn queries(&self) -> &dyn TradingQueries {
        match self {
            Self::Embedded(store) => store,
            Self::Server(store) => store,
        }
    }

    /// Reads the whole file of the embedded database; a PostgreSQL server looks after its own files.
    pub(super) async fn check_integrity(&self) -> State {
        match self {
            Self::Embedded(store) => store.check_integrity().await.map_or_else(of_failure, |()| State::Current),
            Self::Server(_) => State::Current,
        }
    }

    /// Lets go of it.
    pub(super) async fn close(self) {
        match self {
            Self::Embedded(store) => {
                // Closing waits for the store's threads; one that panicked has nothing to say here.
                let _ = tokio::task::spawn_blocking(|| store.close()).await;
            }
            Self::Server(store) => store.close(),
        }
    }
}

/// Whether a server holds the embedded database now: it has a lock on a file beside it for as long as it lives.
/// A PostgreSQL database is held by nobody: several processes may write to it.
pub(super) fn is_held(config: &Config) -> io::Result<bool> {
    if matches!(config.database.url, DatabaseUrl::Postgres(_)) {
        return Ok(false);
    }
    let mut name = database_file(config).into_os_string();
    name.push(".lock");
    match File::open(Path::new(&name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
        Ok(lock) => match lock.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        },
    }
}

async fn open_file(config: &Config) -> Result<SqliteStore, OpenError> {
    let path = database_file(config);
    // Reading a large file from end to end takes its time.
    let options =
        SqliteOptions { readers: 1, read_deadline: Duration::from_secs(24 * 3_600), ..SqliteOptions::default() };
    let opened = {
        let path = path.clone();
        tokio::task::spawn_blocking(move || SqliteStore::open_read_only(&path, &options)).await
    };
    opened.unwrap_or_else(|error| Err(OpenError::Failed { path, reason: error.to_string() }))
}

fn of_open(error: OpenError) -> State {
    match error {
        OpenError::Missing { .. } => State::Missing,
        OpenError::Corrupt { reason, .. } => State::Corrupt(reason),
        OpenError::Foreign { .. } => State::Foreign,
        OpenError::Schema { source, .. } => of_schema(source),
        OpenError::InUse { .. } => State::Unavailable(error.to_string()),
        OpenError::Failed { reason, .. } if reason.contains(STEPS_TABLE) => State::Missing,
        OpenError::Failed { reason, .. } => State::Unavailable(reason),
    }
}

fn of_schema(error: MigrationError) -> State {
    match error {
        MigrationError::Newer { version } => State::Newer(version),
        MigrationError::Older { version } => State::Older(version),
        MigrationError::Blocked { .. } | MigrationError::Busy { .. } => State::Unavailable(error.to_string()),
        MigrationError::Failed(failure) => of_failure(failure),
    }
}

fn of_failure(failure: Failure) -> State {
    match failure {
        Failure::Corrupt(reason) => State::Corrupt(reason),
        Failure::Unavailable(reason) if reason.contains(STEPS_TABLE) => State::Missing,
        Failure::Unavailable(reason) => State::Unavailable(reason),
        other => State::Unavailable(other.to_string()),
    }
}
