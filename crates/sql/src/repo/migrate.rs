//! Brings a database to this program's schema.
//!
//! The table of what was done is the one that the `diesel` command uses.

use diesel::sql_types::Text;

use super::{Conn, RunQueryDsl, batch_execute};
use crate::migration::{Migration, MigrationError};

#[derive(diesel::QueryableByName)]
struct Done {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Makes the table of what was done, if it is not there.
///
/// # Errors
/// [`MigrationError::Failed`].
pub async fn prepare(conn: &mut Conn) -> Result<(), MigrationError> {
    batch_execute(
        conn,
        "CREATE TABLE IF NOT EXISTS __diesel_schema_migrations (
            version VARCHAR(50) PRIMARY KEY NOT NULL,
            run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
        )",
    )
    .await
    .map_err(crate::Failure::from)?;
    Ok(())
}

/// The steps that are still to be done; the table of what was done is there.
///
/// # Errors
/// [`MigrationError::Newer`] for a database of a newer program, or [`MigrationError::Failed`].
pub async fn missing(conn: &mut Conn, steps: &'static [Migration]) -> Result<Vec<Migration>, MigrationError> {
    let done: Vec<Done> = diesel::sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version")
        .load(conn)
        .await
        .map_err(crate::Failure::from)?;
    if let Some(unknown) = done.iter().find(|done| steps.iter().all(|step| step.version != done.version)) {
        return Err(MigrationError::Newer { version: unknown.version.clone() });
    }
    Ok(steps.iter().filter(|step| done.iter().all(|done| done.version != step.version)).copied().collect())
}

/// Does a step, inside the caller's transaction.
///
/// # Errors
/// [`MigrationError::Failed`].
pub async fn apply(conn: &mut Conn, step: Migration) -> Result<(), MigrationError> {
    batch_execute(conn, step.sql).await.map_err(crate::Failure::from)?;
    let note = format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{}')", step.version);
    batch_execute(conn, &note).await.map_err(crate::Failure::from)?;
    Ok(())
}
