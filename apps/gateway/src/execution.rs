//! The execution role: takes orders that wait from the store, claims them, calls the broker, takes its reports.

mod broker_calls;
mod broker_desk;
mod executor;
mod reports;
mod rights;

pub use broker_calls::BrokerCalls;
pub use broker_desk::BrokerDesk;
pub use executor::{Executor, ExecutorSettings};
pub use reports::take_reports;
pub use rights::{EXECUTION_SHARDS, ExecutionRight, ExecutionRights, execution_shard};
