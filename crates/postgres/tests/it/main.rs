//! The store on a server against the contract of every port.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod candles;
mod contracts;
mod database;
mod faults;
mod locked;
mod migrations;
mod plans;
mod pool;
mod presence;
mod proxy;
mod replica;
mod retries;
mod tls;
