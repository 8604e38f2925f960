//! The market's use cases and its algebra of candles, on in-memory fakes.

#![allow(clippy::unwrap_used, reason = "tests")]

mod candles;
mod history;
mod imports;
mod ingest;
mod intrabar;
mod prices;
mod store;
mod symbols;
mod world;
