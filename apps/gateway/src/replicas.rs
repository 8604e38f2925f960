//! Lists out of a read replica: when it may answer, and what it is asked.
//!
//! A replica follows its primary by positions in the log that the primary writes ahead. A list that says nothing about
//! its freshness is answered there only when the replica has everything that the primary had when it was asked for; one
//! that names a position when the replica has come to it and is no further behind than is allowed. Otherwise the primary
//! answers.

mod lists;
mod watch;

pub use lists::{ReplicaCandles, ReplicaLists};
pub use watch::{Positioned, Replica, ReplicaState, watch_replica};
