//! Brings a database to this program's schema.

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::time::{Duration, sleep};
use velox_sql::on_postgres::migrate;
use velox_sql::{Failure, MIGRATIONS_POSTGRES, Migration, MigrationError};

use crate::blockers::watched;
use crate::candles::are_readable;
use crate::lease::Lease;
use crate::pool::Pool;
use crate::{AddressError, PostgresOptions};

/// Why a database was not connected to. A step of the schema that failed has changed nothing; those before it stay.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The server's address is not one.
    #[error("the address of PostgreSQL: {0}")]
    Address(#[from] AddressError),
    /// The server cannot be reached or refuses.
    #[error("PostgreSQL cannot be used: {0}")]
    Unavailable(Failure),
    /// Its schema is not this program's.
    #[error(transparent)]
    Schema(MigrationError),
    /// It would leave out compressed candles, and not say so.
    #[error(
        "candles are in a hypertable, and this server has not loaded TimescaleDB: add it to shared_preload_libraries"
    )]
    NotLoaded,
    /// What it says about failures would not be understood.
    #[error(
        "this server speaks `{0}` (lc_messages), and what it says about failures decides what is tried again: \
         have a superuser run ALTER ROLE … SET lc_messages = 'C' for the role of the address"
    )]
    Language(String),
}

impl From<MigrationError> for ConnectError {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::Failed(failure) => Self::Unavailable(failure),
            other => Self::Schema(other),
        }
    }
}

/// In which language a server speaks.
#[derive(QueryableByName)]
struct Language {
    #[diesel(sql_type = Text)]
    messages: String,
}

/// The advisory lock that lets one program change the schema at a time: `velox` in ASCII.
const LOCK: i64 = 0x0076_656C_6F78;
/// How often a step is tried that does not get its locks.
const TRIES: u32 = 5;
/// How long those who came to wait behind a step may pass before it tries again.
const PAUSE: Duration = Duration::from_millis(500);
/// What PostgreSQL says (SQLSTATE 55P03) when `lock_timeout` has passed.
const LOCK_TIMEOUT: &str = "canceling statement due to lock timeout";

/// Does what is missing, each step in a transaction of its own; a database of a newer program is left as it is.
///
/// A step waits for its locks a short while only, and lets those pass who wait behind it before it tries again.
pub(crate) async fn migrate(pool: &Pool, options: &PostgresOptions) -> Result<(), ConnectError> {
    let mut lease = pool.lease().await.map_err(ConnectError::Unavailable)?;
    take_turn(&mut lease, pool, options).await?;
    migrate::prepare(&mut lease).await?;
    for step in migrate::missing(&mut lease, MIGRATIONS_POSTGRES).await? {
        tracing::info!(migration = step.version, "changing the database's schema");
        apply(&mut lease, pool, step, options.schema_lock).await?;
    }
    must_show_candles(&mut lease).await?;
    must_speak_english(&mut lease).await?;
    // On every other way out the session is closed, which frees the lock too.
    let end = format!("RESET statement_timeout; SELECT pg_advisory_unlock({LOCK})");
    execute(&mut lease, &end).await.map_err(ConnectError::Unavailable)?;
    lease.keep();
    Ok(())
}

async fn must_show_candles(lease: &mut Lease) -> Result<(), ConnectError> {
    match are_readable(lease).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(ConnectError::NotLoaded),
        Err(failure) => Err(ConnectError::Unavailable(failure)),
    }
}

async fn must_speak_english(lease: &mut Lease) -> Result<(), ConnectError> {
    let asked = diesel::sql_query("SELECT current_setting('lc_messages') AS messages").get_result(&mut **lease).await;
    let Language { messages } = asked.map_err(|error| ConnectError::Unavailable(error.into()))?;
    if speaks_english(&messages) { Ok(()) } else { Err(ConnectError::Language(messages)) }
}

/// Whether a server with this `lc_messages` says of failures what its source says: by these words they are told apart.
#[must_use]
pub fn speaks_english(locale: &str) -> bool {
    let language = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
    // Without one it is as whoever started the server was.
    matches!(language, "C" | "POSIX" | "en" | "English")
}

async fn execute(connection: &mut AsyncPgConnection, statements: &str) -> Result<(), Failure> {
    Ok(connection.batch_execute(statements).await?)
}

fn is_lock_timeout(failure: &Failure) -> bool {
    matches!(failure, Failure::Unavailable(reason) if reason == LOCK_TIMEOUT)
}

/// Waits until no other program changes the schema.
async fn take_turn(lease: &mut Lease, pool: &Pool, options: &PostgresOptions) -> Result<(), MigrationError> {
    let statements = format!(
        "SET statement_timeout = 0; SET lock_timeout = {}; SELECT pg_advisory_lock({LOCK}); RESET lock_timeout",
        options.schema_turn.as_millis()
    );
    let backend = lease.backend();
    let (taken, by) = watched(pool, backend, options.schema_turn / 2, execute(lease, &statements)).await;
    taken.map_err(|failure| if is_lock_timeout(&failure) { MigrationError::Busy { by } } else { failure.into() })
}

/// Does a step, or nothing of it.
async fn apply(lease: &mut Lease, pool: &Pool, step: Migration, patience: Duration) -> Result<(), MigrationError> {
    let begin = format!("BEGIN; SET LOCAL lock_timeout = {}", patience.as_millis());
    for tries in 1.. {
        let backend = lease.backend();
        let work = async {
            execute(lease, &begin).await?;
            migrate::apply(lease, step).await?;
            execute(lease, "COMMIT").await.map_err(MigrationError::from)
        };
        let (done, by) = watched(pool, backend, patience / 2, work).await;
        match done {
            Err(MigrationError::Failed(failure)) if is_lock_timeout(&failure) => {
                execute(lease, "ROLLBACK").await?;
                if tries == TRIES {
                    return Err(MigrationError::Blocked { version: step.version, by });
                }
                tracing::warn!(migration = step.version, by, "a step of the schema waits for a lock");
                sleep(PAUSE).await;
            }
            done => return done,
        }
    }
    Ok(())
}

/// Checks that the database has this program's schema and the server reads all of it, without changing anything.
pub(crate) async fn check(pool: &Pool) -> Result<(), ConnectError> {
    let mut lease = pool.lease().await.map_err(ConnectError::Unavailable)?;
    let missing = migrate::missing(&mut lease, MIGRATIONS_POSTGRES).await?;
    let checked = match &missing[..] {
        [step, ..] => Err(ConnectError::Schema(MigrationError::Older { version: step.version })),
        [] => must_show_candles(&mut lease).await,
    };
    lease.keep();
    checked
}

#[cfg(test)]
mod tests {
    use super::speaks_english;

    #[test]
    fn servers_that_speak_english_are_understood() {
        for locale in
            ["C", "C.UTF-8", "POSIX", "en_US.utf8", "en_GB.UTF-8@euro", "en", "en-US", "English_United States.1252"]
        {
            assert!(speaks_english(locale), "{locale}");
        }
        for locale in ["", "de_DE.UTF-8", "fr", "Cherokee", "enm"] {
            assert!(!speaks_english(locale), "{locale}");
        }
    }
}
