//! What the SQL stores share: types with a form in both databases, the tables, the rows, and the repository, written
//! once and compiled for each kind of connection ([`on_postgres`], [`on_sqlite`]).
//!
//! Nothing here opens a connection, owns a thread or decides when a transaction begins and ends across calls.

mod commit;
mod event_tails;
mod failure;
mod inline_sqlite;
mod literal;
mod merged;
mod migration;
mod ports;
mod prepared;
mod record;
pub mod rows;
pub mod schema;
mod traced;
pub mod types;

pub mod on_postgres;
pub mod on_sqlite;

pub use commit::{Commit, CommitObserver, Unobserved};
pub use failure::Failure;
pub use inline_sqlite::InlineSqlite;
pub use migration::{MIGRATIONS_POSTGRES, MIGRATIONS_SQLITE, Migration, MigrationError};
pub use prepared::{PreparedAppend, prepare};
pub use record::{BindTo, Columns, Record, Upsert, UpsertAll};
pub use traced::traced;
pub use types::Val;
