//! Brings a database to this program's schema.

use diesel_async::SimpleAsyncConnection;
use velox_sql::on_postgres::migrate;
use velox_sql::{Failure, MIGRATIONS_POSTGRES, MigrationError};

use crate::AddressError;
use crate::pool::Pool;

/// Why a database was not connected to. Nothing in it was changed.
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
}

impl From<MigrationError> for ConnectError {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::Failed(failure) => Self::Unavailable(failure),
            other => Self::Schema(other),
        }
    }
}

/// The advisory lock that lets one program change the schema at a time: `velox` in ASCII.
const LOCK: i64 = 0x0076_656C_6F78;

/// Does what is missing; a database of a newer program is left as it is.
pub(crate) async fn migrate(pool: &Pool) -> Result<(), ConnectError> {
    let mut lease = pool.lease().await.map_err(ConnectError::Unavailable)?;
    let begin = format!("BEGIN; SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock({LOCK})");
    lease.batch_execute(&begin).await.map_err(|error| ConnectError::Unavailable(error.into()))?;
    migrate::prepare(&mut lease).await?;
    for step in migrate::missing(&mut lease, MIGRATIONS_POSTGRES).await? {
        tracing::info!(migration = step.version, "changing the database's schema");
        migrate::apply(&mut lease, step).await?;
    }
    lease.batch_execute("COMMIT").await.map_err(|error| ConnectError::Unavailable(error.into()))?;
    lease.keep();
    Ok(())
}

/// Checks that the database has this program's schema, without changing it.
pub(crate) async fn check(pool: &Pool) -> Result<(), ConnectError> {
    let mut lease = pool.lease().await.map_err(ConnectError::Unavailable)?;
    let missing = migrate::missing(&mut lease, MIGRATIONS_POSTGRES).await?;
    lease.keep();
    match missing.first() {
        Some(step) => Err(ConnectError::Schema(MigrationError::Older { version: step.version })),
        None => Ok(()),
    }
}
