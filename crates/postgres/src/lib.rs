//! The store on a PostgreSQL server, behind the domains' ports.

mod append;
mod execution_lease;
mod options;
mod outcome;
mod pool;
mod ports;
mod schema;
mod signals;
mod statement;
mod store;
mod trading;

pub use execution_lease::ExecutionLease;
pub use options::PostgresOptions;
pub use schema::ConnectError;
pub use signals::PostgresSignals;
pub use store::PostgresStore;
