//! The paper broker's rules, one file each, and what must hold whatever comes.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod account;
mod bars;
mod broker;
mod events;
mod immediate;
mod life;
mod limits;
mod markets;
mod properties;
mod replacing;
mod restoring;
mod stops;
mod support;
