//! Which part of a role's work this process does: shards, shared among those who play the role.

mod group_keeper;
mod held;
mod keeper;
mod share;

use velox_kafka::partition_of;
use velox_kernel::AccountId;

pub use group_keeper::{Group, GroupKeeper, GroupLook, GroupRecord, GroupShare, GroupState, JoinGroup};
pub use held::Held;
pub use keeper::{ShardKeeper, ShardTimes};

/// The shard that an account falls into: the partition that its records have on a topic of so many.
#[must_use]
pub fn shard_of(account: AccountId, count: u32) -> u32 {
    partition_of(account.uuid().to_string().as_bytes(), count)
}
