//! The store on a PostgreSQL server, behind the domains' ports.

mod address;
mod append;
mod blockers;
mod candles;
mod hosts;
mod lease;
mod locked;
mod options;
mod outcome;
mod pool;
mod ports;
mod replica;
mod roles;
mod schema;
mod server;
mod session;
mod signals;
mod statement;
mod store;
mod tls;
mod trading;
mod unpublished;

pub use address::AddressError;
pub use options::PostgresOptions;
pub use pool::{PoolObserver, PoolStatus};
pub use replica::PostgresReplica;
pub use schema::{ConnectError, speaks_english};
pub use server::{Driver, Server};
pub use signals::PostgresSignals;
pub use store::PostgresStore;
