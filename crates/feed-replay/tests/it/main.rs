//! Replays on paused time.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bars;
mod files;
mod ticks;
mod wall;
