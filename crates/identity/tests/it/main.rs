//! The use cases on the in-memory store.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod access;
mod authenticate;
mod house;
mod passwords;
mod refresh_session;
mod registration;
mod sessions;
mod settings;
mod store;
