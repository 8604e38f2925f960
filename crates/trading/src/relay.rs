//! [`RelayStore`]: what was published of the log. The log is the outbox: whoever publishes it reads it and keeps a mark.

use async_trait::async_trait;
use velox_kernel::{AccountId, Fence, OrgId};

use crate::store::StoreError;

/// A stream with events that are not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpublished {
    /// The stream.
    pub account: AccountId,
    /// The tenant.
    pub org: OrgId,
    /// The number of its newest event.
    pub head: u64,
    /// The number of the newest event that is known to be published; 0 when none is.
    pub published: u64,
}

/// What became of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// It is kept.
    Noted,
    /// Somebody else has the shard by now: nothing was written.
    Fenced,
}

/// The marks of what was published.
#[async_trait]
pub trait RelayStore: Send + Sync {
    /// Makes what finding unpublished streams needs, unless it is there. It is made when first somebody publishes, because
    /// every append pays for it. Says whether it is there: another process may still be making it, which may end in between.
    async fn prepare_relay(&self) -> Result<bool, StoreError>;

    /// Up to `limit` streams with events that are not published, by account, after the given one.
    async fn unpublished(&self, after: Option<AccountId>, limit: u32) -> Result<Vec<Unpublished>, StoreError>;

    /// Notes up to which event each of these streams is published; no two are the same. A mark never falls.
    async fn mark_published(&self, fence: Fence, marks: &[(AccountId, u64)]) -> Result<Marked, StoreError>;
}
