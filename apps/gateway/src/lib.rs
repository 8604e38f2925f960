//! The front door of Velox: configuration, the HTTP edge and the composition root.

pub mod accounts;
pub mod bridges;
pub mod cli;
pub mod commands;
pub mod config;
pub mod dead_letters;
pub mod execution;
pub mod faults;
pub mod feed_gate;
pub mod http;
pub mod logging;
pub mod market_topic;
pub mod memory;
pub mod observe;
pub mod observe_pool;
pub mod peers;
pub mod relay;
pub mod replicas;
pub mod risk;
pub mod serve;
pub mod shards;
pub mod shutdown;
pub mod streams;
pub mod telemetry;
pub mod views;
pub mod wiring;
