//! Opens connections, and the lock that keeps a second server away.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use diesel::connection::{Connection, SimpleConnection};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::SqliteConnection;
use diesel::{QueryableByName, RunQueryDsl};
use velox_sql::on_sqlite::migrate;
use velox_sql::{Failure, InlineSqlite, MIGRATIONS_SQLITE, MigrationError};

use crate::SqliteOptions;

/// `VELX`: marks a database file as ours (`PRAGMA application_id`).
const APPLICATION_ID: i64 = 0x5645_4C58;

/// Why a database file was not opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server has it.
    #[error("{path} is in use by another server. Stop that one, or give this one another file")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It is damaged, or no database at all.
    #[error("{path} is damaged or not a database: {reason}. Restore a backup, or move the file away to start afresh")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// It is the database of another program.
    #[error("{path} is a SQLite database, but not one of Velox")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It is not there.
    #[error("{path} does not exist")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Its schema is not this program's.
    #[error("{path}: {source}")]
    Schema {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: MigrationError,
    },
    /// The machine said no.
    #[error("{path} cannot be opened: {reason}")]
    Failed {
        /// The file.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
}

impl OpenError {
    pub(crate) fn of(path: &Path, failure: Failure) -> Self {
        let path = path.to_owned();
        match failure {
            Failure::Corrupt(reason) => Self::Corrupt { path, reason },
            other => Self::Failed { path, reason: other.to_string() },
        }
    }

    fn of_schema(path: &Path, error: MigrationError) -> Self {
        match error {
            MigrationError::Failed(failure) => Self::of(path, failure),
            source => Self::Schema { path: path.to_owned(), source },
        }
    }
}

/// Takes the lock that a server holds for its whole life: an operating system's lock on `<file>.lock`, which ends with
/// the process however that ends.
pub(crate) fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = OsString::from(path);
    name.push(".lock");
    let failed = |error: std::io::Error| OpenError::Failed { path: path.to_owned(), reason: error.to_string() };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&name).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Which connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The writer's: makes the file.
    Write,
    /// The one that moves the write-ahead log into the file, beside the writer.
    Move,
    /// A reader's, beside the writer.
    Read,
    /// A reader's, of another process.
    Inspect,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    value: String,
}

/// A `file:` URI (<https://www.sqlite.org/uri.html>): every byte that has a meaning there is escaped.
fn uri(path: &Path, mode: &str) -> Result<String, Failure> {
    let text = path.to_str().ok_or_else(|| Failure::Unavailable("its path is not UTF-8".to_owned()))?;
    let mut uri = String::from("file:");
    for character in text.chars() {
        match character {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            other => uri.push(other),
        }
    }
    uri.push_str("?mode=");
    uri.push_str(mode);
    Ok(uri)
}

fn number(connection: &mut SqliteConnection, query: &str) -> Result<i64, Failure> {
    let row: Number = diesel::sql_query(query).get_result(connection)?;
    Ok(row.value)
}

/// Opens a connection with its settings.
pub(crate) fn open(path: &Path, purpose: Purpose, options: &SqliteOptions) -> Result<InlineSqlite, OpenError> {
    if purpose != Purpose::Write && !path.exists() {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    let connection = connect(path, purpose, options).map_err(|failure| OpenError::of(path, failure))?;
    connection.ok_or_else(|| OpenError::Foreign { path: path.to_owned() }).map(InlineSqlite)
}

fn connect(path: &Path, purpose: Purpose, options: &SqliteOptions) -> Result<Option<SqliteConnection>, Failure> {
    let mode = match purpose {
        Purpose::Write => "rwc",
        Purpose::Move | Purpose::Read => "rw",
        Purpose::Inspect => "ro",
    };
    let mut connection =
        SqliteConnection::establish(&uri(path, mode)?).map_err(|error| Failure::from_open(error.to_string()))?;
    let cache = options.cache_kib;
    connection.batch_execute(&format!(
        "PRAGMA busy_timeout = 5000; PRAGMA cache_size = -{cache}; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON;"
    ))?;
    let owner = number(&mut connection, "SELECT application_id AS value FROM pragma_application_id")?;
    let tables = number(&mut connection, "SELECT count(*) AS value FROM sqlite_schema")?;
    if owner != APPLICATION_ID && (tables > 0 || purpose != Purpose::Write) {
        return Ok(None);
    }
    let synchronous = if options.synced { "FULL" } else { "OFF" };
    match purpose {
        Purpose::Write => {
            // The writer's own bound, for when the thread that moves the log cannot follow.
            let pages = options.checkpoint_pages.saturating_mul(8);
            connection.batch_execute(&format!(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; \
                 PRAGMA wal_autocheckpoint = {pages}; PRAGMA journal_size_limit = 67108864;"
            ))?;
            if owner != APPLICATION_ID {
                connection.batch_execute(&format!("PRAGMA application_id = {APPLICATION_ID}"))?;
            }
            if let Some(pages) = options.max_pages {
                connection.batch_execute(&format!("PRAGMA max_page_count = {pages}"))?;
            }
        }
        Purpose::Move => {
            connection.batch_execute(&format!("PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 0"))?
        }
        Purpose::Read | Purpose::Inspect => connection.batch_execute("PRAGMA query_only = ON")?,
    }
    Ok(Some(connection))
}

/// Brings the file to this program's schema; a file of a newer program is left as it is.
pub(crate) fn migrate(path: &Path, connection: &mut InlineSqlite) -> Result<(), OpenError> {
    crate::writer::transact(connection, |connection| {
        connection.run(async |conn: &mut InlineSqlite| {
            migrate::prepare(conn).await?;
            for step in migrate::missing(conn, MIGRATIONS_SQLITE).await? {
                tracing::info!(migration = step.version, "changing the database's schema");
                migrate::apply(conn, step).await?;
            }
            Ok::<_, MigrationError>(())
        })
    })
    .map_err(|error| OpenError::of_schema(path, error))
}

/// Checks that the file has this program's schema, without changing it.
pub(crate) fn check_schema(path: &Path, connection: &mut InlineSqlite) -> Result<(), OpenError> {
    let checked = connection.run(async |conn: &mut InlineSqlite| {
        match migrate::missing(conn, MIGRATIONS_SQLITE).await?.first() {
            Some(step) => Err(MigrationError::Older { version: step.version }),
            None => Ok(()),
        }
    });
    checked.map_err(|error| OpenError::of_schema(path, error))
}

/// Reads the whole file and says what is wrong with it, at most ten things.
pub(crate) fn check_integrity(connection: &mut InlineSqlite) -> Result<(), Failure> {
    let found: Vec<Word> = diesel::sql_query("SELECT quick_check AS value FROM pragma_quick_check")
        .load(&mut connection.0)
        .map_err(Failure::from)?;
    if found.iter().all(|row| row.value == "ok") {
        return Ok(());
    }
    Err(Failure::Corrupt(found.into_iter().take(10).map(|row| row.value).collect::<Vec<_>>().join("; ")))
}
