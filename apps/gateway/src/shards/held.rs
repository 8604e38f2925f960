//! [`Held`]: the shards that this process has now.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use velox_kernel::Fence;

/// The shards that this process has now. Clones see the same.
#[derive(Clone, Debug)]
pub struct Held {
    pub(super) role: &'static str,
    pub(super) count: u32,
    pub(super) epochs: watch::Receiver<Arc<BTreeMap<u32, u64>>>,
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
        self.epochs.borrow().iter().map(fence).collect()
    }

    /// Returns when the shards have changed since this was last asked.
    pub async fn changed(&mut self) {
        if self.epochs.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
