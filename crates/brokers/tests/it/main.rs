//! The use cases on the in-memory store.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod connections;
mod credentials;
mod desk;
mod making;
mod store;
