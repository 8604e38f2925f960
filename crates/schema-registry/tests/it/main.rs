//! The client, against a real registry and against servers that misbehave.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod canned;
mod faults;
mod real;
