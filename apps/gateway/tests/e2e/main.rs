//! The binary itself, from outside: the story of a newcomer, and what faults may not do to it. See `docs/testing.md`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests that start real processes, and measure how long these take"
)]

mod api;
mod audit;
mod campaign;
mod chaos;
mod collector;
mod contention;
mod database;
mod installation;
mod kafka;
mod kill_points;
mod market_topic;
mod nginx;
mod own_postgres;
mod own_registry;
mod random;
mod read_replica;
mod risk;
mod server;
mod shared_execution;
mod shutdown;
mod side_by_side;
mod small_disk;
mod socket;
mod split;
mod stack;
mod story;
mod swallower;
mod sync_order;
mod topics;
mod toxiproxy;
mod trace;
mod traces;
mod waiting;
