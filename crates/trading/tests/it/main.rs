//! The aggregate as its users drive it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod close_position;
mod days;
mod golden;
mod halts;
mod model;
mod orders;
mod pre_trade_rules;
mod reduce_only;
mod repeats;
mod replacements;
mod reports;
mod trade;
mod unknown;
