//! Fakes of identity's ports, and the contract of its store.

mod contract;
mod fakes;
mod memory;
mod samples;

pub use contract::identity_store_contract;
pub use fakes::{CountingSecrets, EndedSessions, PlainHasher, PlainSigner};
pub use memory::MemoryIdentityStore;
pub use samples::{sample_session, sample_user};
