//! The messages, against fakes and an independent reader.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod account_messages;
mod amounts;
mod codec;
mod golden;
mod market_steps;
mod registry;
mod samples;
mod schemas;
