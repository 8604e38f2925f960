//! The other processes of the installation: what they are told, and what is heard of them.
//!
//! Signals wake, and carry the market of the process that has the feed. Whoever misses one looks into the store within its
//! own time, so that nothing depends on them but how soon something is seen. They are sealed: only processes that have the
//! installation's keys are listened to.

mod listener;
mod roster;
mod signal;
mod teller;
mod words;

pub use listener::{Heard, listen};
pub use signal::Signal;
pub use teller::Teller;
pub use words::Words;
