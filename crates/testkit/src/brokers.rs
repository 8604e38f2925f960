//! Fakes of the broker domain's ports, and the contract of its store.

mod contract;
mod fakes;
mod memory;

pub use contract::{broker_store_contract, sample_connection};
pub use fakes::{FakeAccounts, FakeProbe, PlainSecretBox};
pub use memory::MemoryBrokerStore;
