//! The embedded store: SQLite, with one thread that writes and a few that read.

mod append;
mod checkpoint;
mod connection;
mod options;
mod ports;
mod readers;
mod store;
mod ticket;
mod trading;
mod writer;

pub use connection::OpenError;
pub use options::SqliteOptions;
pub use store::SqliteStore;
