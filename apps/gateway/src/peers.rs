//! The other processes of the installation: what they are told, and what is heard of them.
//!
//! Signals only wake. Whoever misses one looks into the store within its own time, so that nothing depends on them but
//! how soon something is seen.

mod listener;
mod roster;
mod signal;
mod teller;

pub use listener::{Heard, listen};
pub use signal::{MarketSignal, MarketWord, Signal};
pub use teller::Teller;
