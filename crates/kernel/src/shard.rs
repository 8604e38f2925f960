//! [`ShardStore`]: the port by which processes that play the same role share its work.

use async_trait::async_trait;

use crate::id::MemberId;

/// A part of a role's work, as the store has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which: 0 and up.
    pub number: u32,
    /// How often it was taken. What its owner writes names the epoch, and is refused once somebody else has taken it.
    pub epoch: u64,
    /// How often an owner said that it is there.
    pub beat: u64,
    /// Whose it is.
    pub owner: Option<MemberId>,
    /// How far its topic was worked off, where it has one: the offset of the next record.
    pub position: Option<u64>,
}

/// What the store knows of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleLook {
    /// Every shard, by number.
    pub shards: Vec<Shard>,
    /// Every process that plays it, by id.
    pub members: Vec<Member>,
}

/// A process that plays a role, as the store has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Which.
    pub id: MemberId,
    /// How often it said that it is there.
    pub beat: u64,
    /// Whether the store sees it: one that was killed is not seen any more at once, where the store can tell. One that is
    /// not seen and says nothing is gone.
    pub is_present: bool,
}

/// Whoever writes under a fence has the shard, or nothing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The role.
    pub role: &'static str,
    /// The shard.
    pub shard: u32,
    /// The epoch in which it was taken.
    pub epoch: u64,
}

/// The store does not answer. Nothing is certain then about who has a shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store of shards is away: {0}")]
pub struct ShardsAway(pub String);

/// Who has which part of a role's work. There are no clocks in it: whoever says nothing for a while, as another process
/// sees it, is taken for gone.
#[async_trait]
pub trait ShardStore: Send + Sync {
    /// Says that `member` is there and has the shards it has, forgets the members that are `gone`, and says how the role
    /// stands. Shards up to `count` that the store does not know yet are made.
    ///
    /// # Errors
    /// [`ShardsAway`]; it may have been done.
    async fn beat(
        &self,
        role: &'static str,
        member: MemberId,
        count: u32,
        gone: &[MemberId],
    ) -> Result<RoleLook, ShardsAway>;

    /// Takes the shards that still stand as they were seen, raises their epochs, and says which those are.
    ///
    /// # Errors
    /// [`ShardsAway`]; some may have been taken, and the next look says so.
    async fn take(&self, role: &'static str, member: MemberId, seen: &[Shard]) -> Result<Vec<Shard>, ShardsAway>;

    /// Notes how far the topic of a shard was worked off: the offset of the next record. `false` when another one has the
    /// shard by now; nothing was noted then.
    ///
    /// # Errors
    /// [`ShardsAway`]; it may have been done.
    async fn set_position(&self, fence: Fence, position: u64) -> Result<bool, ShardsAway>;

    /// Gives up shards, so that others may take them at once, and the membership too when `leaves`.
    ///
    /// # Errors
    /// [`ShardsAway`]; others then take it for gone after a while.
    async fn release(
        &self,
        role: &'static str,
        member: MemberId,
        shards: &[u32],
        leaves: bool,
    ) -> Result<(), ShardsAway>;
}
