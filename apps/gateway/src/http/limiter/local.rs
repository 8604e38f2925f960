//! [`LocalCount`]: requests counted in this process, one number a caller.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;
use tokio::time::Instant;
use velox_kernel::{Allowance, Quota};

use super::Counted;

/// Parts of the map, so that workers seldom meet.
const SHARDS: usize = 16;

/// What is known of a caller.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// When the quota is whole again, in microseconds since the count was made.
    full_at: u64,
    /// Requests that were allowed while the shared count was away, and not told to it yet.
    owed: u64,
}

/// Requests counted in this process: all there are, or those that the shared count could not be asked about.
pub(super) struct LocalCount {
    quota: Quota,
    callers: usize,
    hasher: RandomState,
    shards: [Mutex<HashMap<Counted, Known>>; SHARDS],
    epoch: Instant,
}

impl LocalCount {
    /// A count of up to `callers` callers; beyond it newcomers share one.
    pub(super) fn new(quota: Quota, callers: usize) -> Self {
        Self {
            quota,
            callers: callers.div_ceil(SHARDS).max(1),
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
            epoch: Instant::now(),
        }
    }

    /// Counts one request.
    pub(super) fn count(&self, caller: Counted) -> Allowance {
        self.with(caller, |known, now| self.quota.count(&mut known.full_at, now))
    }

    /// Counts one request that the shared count could not be asked about. What it was to be told of earlier ones is owed
    /// still.
    pub(super) fn count_unshared(&self, caller: Counted, owed: u64) -> Allowance {
        self.with(caller, |known, now| {
            let allowance = self.quota.count(&mut known.full_at, now);
            // More than all of a quota is never charged.
            known.owed = known.owed.saturating_add(owed).saturating_add(u64::from(allowance.allowed));
            allowance
        })
    }

    /// Notes a request that the shared count has allowed, so that this process has no quota of its own to give when
    /// that goes away.
    pub(super) fn charge(&self, caller: Counted) {
        self.with(caller, |known, now| self.quota.charge(&mut known.full_at, now, 1));
    }

    /// Takes what is owed to the shared count.
    pub(super) fn take_owed(&self, caller: Counted) -> u64 {
        let mut shard = self.shard(caller).lock();
        shard.get_mut(&caller).map_or(0, |known| std::mem::take(&mut known.owed))
    }

    fn shard(&self, caller: Counted) -> &Mutex<HashMap<Counted, Known>> {
        &self.shards[usize::try_from(self.hasher.hash_one(caller)).unwrap_or(0) % SHARDS]
    }

    fn with<T>(&self, caller: Counted, change: impl FnOnce(&mut Known, u64) -> T) -> T {
        let now = u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut shard = self.shard(caller).lock();
        let mut caller = caller;
        if shard.len() >= self.callers && !shard.contains_key(&caller) {
            shard.retain(|_, known| known.full_at > now || known.owed > 0);
            if shard.len() >= self.callers {
                caller = Counted::Crowd;
            }
        }
        change(shard.entry(caller).or_insert(Known { full_at: now, owed: 0 }), now)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use super::*;

    fn count(callers: usize, quota: u64) -> LocalCount {
        LocalCount::new(Quota::new(quota, Duration::from_secs(60)).unwrap(), callers)
    }

    fn address(last: u8) -> Counted {
        Counted::Address(IpAddr::from(Ipv4Addr::new(10, 0, 0, last)).into())
    }

    #[tokio::test(start_paused = true)]
    async fn callers_do_not_share_a_quota() {
        let count = count(100, 1);
        assert!(count.count(address(1)).allowed && !count.count(address(1)).allowed);
        assert!(count.count(address(2)).allowed);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(count.count(address(1)).allowed);
    }

    #[tokio::test(start_paused = true)]
    async fn remembers_a_bounded_number_of_callers() {
        let count = count(16, 6);
        for last in 0..=255 {
            count.count(address(last));
            count.charge(address(last));
            count.count_unshared(address(last), 1);
        }
        let kept: usize = count.shards.iter().map(|shard| shard.lock().len()).sum();
        assert!(kept <= 2 * SHARDS, "{kept}");
        for shard in &count.shards {
            shard.lock().values_mut().for_each(|known| known.owed = 0);
        }
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(count.count(address(77)).allowed, "those who are whole again are forgotten");
    }
}
