//! A made-up market, the same for the same seed.

mod feed;
mod walk;

pub use feed::{SimulatedFeed, SimulatedSettings};
pub use walk::{InvalidWalk, Step, Walk};
