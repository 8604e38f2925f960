//! Messages to other programs: a fake of `SchemaRegistry` and its contract.

mod contract;
mod memory;

pub use contract::schema_registry_contract;
pub use memory::{Asked, MemoryRegistry};
