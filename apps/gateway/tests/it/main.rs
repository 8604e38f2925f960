//! The edge over real sockets: a test-only table plugged into the same mechanism, and the server's own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod access;
mod accounts;
mod binary;
mod brokers;
mod commands;
mod config;
mod drain;
mod execution;
mod identity;
mod identity_house;
mod identity_profile;
mod limits;
mod market;
mod raw_requests;
mod relay;
mod risk;
mod routes;
mod server;
mod streams;
mod system;
mod trading;
