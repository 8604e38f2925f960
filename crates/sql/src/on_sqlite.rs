//! The repository for SQLite. Its source is shared with the other database.
#![expect(clippy::duplicate_mod, reason = "one source, compiled for each kind of connection")]

/// The kind of connection.
pub type Conn = crate::InlineSqlite;
/// The database behind it.
pub type Db = diesel::sqlite::Sqlite;

#[path = "repo/migrate.rs"]
pub mod migrate;
#[path = "repo/trading.rs"]
pub mod trading;
