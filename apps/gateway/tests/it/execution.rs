//! The executor and the taking of reports, against a broker that does as told. Time is the tests' own.

#![allow(clippy::panic, reason = "tests")]

mod answers;
mod executor;
mod fake_broker;
mod reports;
mod restart;
mod shares;
