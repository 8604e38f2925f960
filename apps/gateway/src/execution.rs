//! The execution role: takes orders that wait from the store, claims them, calls the broker, takes its reports.

mod broker_calls;
mod executor;
mod gate;
mod reports;

pub use broker_calls::BrokerCalls;
pub use executor::{Executor, ExecutorSettings};
pub use gate::ExecutionGate;
pub use reports::take_reports;
