//! The repository for PostgreSQL. Its source is shared with the other database.
#![expect(clippy::duplicate_mod, reason = "one source, compiled for each kind of connection")]

/// The kind of connection.
pub type Conn = diesel_async::AsyncPgConnection;
/// The database behind it.
pub type Db = diesel::pg::Pg;

#[path = "repo/migrate.rs"]
pub mod migrate;
#[path = "repo/trading.rs"]
pub mod trading;
