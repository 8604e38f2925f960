//! Which part of a role's work this process does: shards, shared among those who play the role.

mod held;
mod keeper;
mod share;

pub use held::Held;
pub use keeper::{ShardKeeper, ShardTimes};
