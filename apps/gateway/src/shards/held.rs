//! [`Held`]: the shards that this process has now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;
use velox_kernel::Fence;

/// The shards that this process has now. Clones see the same.
#[derive(Clone, Debug)]
pub struct Held {
    pub(super) role: &'static str,
    pub(super) count: u32,
    pub(super) part: watch::Receiver<Arc<Part>>,
    pub(super) confirmed: Arc<Mutex<Instant>>,
}

/// What a process knows of who has what.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// Its own shards, and the epochs in which it took them.
    pub(super) mine: BTreeMap<u32, u64>,
    /// What others had when it was last said.
    pub(super) others: BTreeSet<u32>,
}

impl Held {
    /// Into how many shards the role's work is cut.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The shards, and what is to be shown when something is written for one.
    #[must_use]
    pub fn now(&self) -> BTreeMap<u32, Fence> {
        let fence = |(shard, epoch): (&u32, &u64)| (*shard, Fence { role: self.role, shard: *shard, epoch: *epoch });
        self.part.borrow().mine.iter().map(fence).collect()
    }

    /// Whether another process is known to have a shard.
    #[must_use]
    pub fn is_anothers(&self, shard: u32) -> bool {
        self.part.borrow().others.contains(&shard)
    }

    /// When the store was last asked, with an answer, what this process has: nobody takes that away for a while from then.
    #[must_use]
    pub fn confirmed(&self) -> Instant {
        *self.confirmed.lock()
    }

    /// Returns when the shards have changed since this was last asked.
    pub async fn changed(&mut self) {
        if self.part.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
