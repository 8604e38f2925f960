//! The accounts' writers: lanes that decide commands and make their events durable, many to a commit.

mod hub;
mod inbox;
mod job;
mod lane;
mod lanes;
mod loading;
mod locked;
mod moved;
mod order_traces;
mod touched;

pub use hub::{Committed, Hub, Work};
pub(crate) use lane::by_account;
pub use lane::{LanePorts, LaneSettings};
pub use lanes::Lanes;
pub(crate) use lanes::answer_of;
pub use order_traces::OrderTraces;
pub use touched::Touched;
