//! The relay role: publishes what the accounts' logs say. The log is the outbox, and keeps the mark of what is published.

mod follower;
mod followers;
mod publication;

pub use publication::{RELAYED, Relay, RelayPorts, RelaySettings};
