//! The migrations, embedded.

/// One step of the schema. Steps expand first and contract later, and none is ever changed.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its name: steps are done in the order of these.
    pub version: &'static str,
    /// What it does.
    pub sql: &'static str,
}

macro_rules! migrations {
    ($database:literal: $($version:literal),*) => {
        &[$(Migration {
            version: $version,
            sql: include_str!(concat!("../../../migrations/", $database, "/", $version, "/up.sql")),
        }),*]
    };
}

/// The steps for PostgreSQL.
pub const MIGRATIONS_POSTGRES: &[Migration] = migrations!(
    "postgres": "0001_trading", "0002_identity", "0003_brokers", "0004_market", "0005_waiting_orders",
    "0006_candles_at_scale", "0007_fills_of_an_account", "0008_trace", "0009_relay", "0010_fences",
    "0011_loss_limited", "0012_filtered_orders", "0013_filtered_fills"
);
/// The steps for SQLite.
pub const MIGRATIONS_SQLITE: &[Migration] = migrations!(
    "sqlite": "0001_trading", "0002_identity", "0003_brokers", "0004_market", "0005_waiting_orders", "0006_trace",
    "0007_relay", "0008_fills_of_an_account", "0009_loss_limited", "0010_filtered_lists"
);

/// Why a database was not brought to this program's schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MigrationError {
    /// It was written by a newer program. Nothing was touched.
    #[error(
        "the database is of a newer version of Velox: it has the migration {version}, which this program does not \
         know. Start the newer program, or restore a backup made before it"
    )]
    Newer {
        /// A migration that this program does not know.
        version: String,
    },
    /// It is older than this program, and may not be changed here.
    #[error("the database is of an older version of Velox: the migration {version} is missing. Start the server once")]
    Older {
        /// The first migration that is missing.
        version: &'static str,
    },
    /// Somebody holds a lock that a step needs. What was done before it stays done; of the step itself, nothing was.
    #[error(
        "the migration {version} needs a lock that somebody else holds: {by}. Wait until that has ended, or end it, and \
         start again"
    )]
    Blocked {
        /// The step.
        version: &'static str,
        /// Who has it, and since when.
        by: String,
    },
    /// Another program has been changing the schema for too long.
    #[error("another program is changing the schema of the database: {by}. Start again when it has finished")]
    Busy {
        /// Which one.
        by: String,
    },
    /// The database did not do it.
    #[error(transparent)]
    Failed(#[from] crate::Failure),
}
