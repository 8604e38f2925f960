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
    /// When the last of them was allowed.
    owed_at: u64,
}

impl Known {
    /// Whether there is nothing to remember: the quota is whole, and would be had all that is owed been counted.
    const fn is_over(&self, now: u64, span: u64) -> bool {
        self.full_at <= now && (self.owed == 0 || now >= self.owed_at.saturating_add(span))
    }
}

#[derive(Debug, Default)]
struct Shard {
    callers: HashMap<Counted, Known>,
    /// When those were last looked for of whom nothing is to be remembered.
    swept: u64,
}

/// How long to wait before a full shard is swept again, in microseconds.
const SWEEP: u64 = 1_000_000;

/// Requests counted in this process: all there are, or those that the shared count could not be asked about.
pub(super) struct LocalCount {
    quota: Quota,
    callers: usize,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
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

    /// Counts one request that the shared count gave no answer about.
    pub(super) fn count_unshared(&self, caller: Counted) -> Allowance {
        self.with(caller, |known, now| {
            let allowance = self.quota.count(&mut known.full_at, now);
            if allowance.allowed {
                (known.owed, known.owed_at) = (known.owed.saturating_add(1), now);
            }
            allowance
        })
    }

    /// Notes a request that the shared count has allowed, so that this process has no quota of its own to give when
    /// that goes away.
    pub(super) fn charge(&self, caller: Counted) {
        self.with(caller, |known, now| self.quota.charge(&mut known.full_at, now, 1));
    }

    /// Takes what is owed to the shared count; nothing, once a quota would be whole again since.
    pub(super) fn take_owed(&self, caller: Counted) -> Owed<'_> {
        let now = self.now();
        let mut shard = self.shard(caller).lock();
        let owed = shard.callers.get_mut(&caller).map_or(0, |known| {
            let is_over = now >= known.owed_at.saturating_add(self.quota.span());
            if is_over { 0 } else { std::mem::take(&mut known.owed) }
        });
        Owed { count: self, caller, owed }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn shard(&self, caller: Counted) -> &Mutex<Shard> {
        &self.shards[usize::try_from(self.hasher.hash_one(caller)).unwrap_or(0) % SHARDS]
    }

    fn with<T>(&self, caller: Counted, change: impl FnOnce(&mut Known, u64) -> T) -> T {
        let now = self.now();
        let mut shard = self.shard(caller).lock();
        let Shard { callers, swept } = &mut *shard;
        let mut caller = caller;
        if callers.len() >= self.callers && !callers.contains_key(&caller) {
            // Not for each newcomer: a sweep looks at everybody.
            if *swept == 0 || now >= *swept + SWEEP {
                callers.retain(|_, known| !known.is_over(now, self.quota.span()));
                *swept = now.max(1);
            }
            if callers.len() >= self.callers {
                caller = Counted::Crowd;
            }
        }
        change(callers.entry(caller).or_insert(Known { full_at: now, owed: 0, owed_at: 0 }), now)
    }
}

/// What is owed to the shared count, given back when it is dropped unsettled.
pub(super) struct Owed<'a> {
    count: &'a LocalCount,
    caller: Counted,
    owed: u64,
}

impl Owed<'_> {
    /// How many requests.
    pub(super) const fn requests(&self) -> u64 {
        self.owed
    }

    /// The shared count has them.
    pub(super) fn settle(mut self) {
        self.owed = 0;
    }
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        let owed = std::mem::take(&mut self.owed);
        if owed > 0 {
            self.count.with(self.caller, |known, now| {
                (known.owed, known.owed_at) = (known.owed.saturating_add(owed), now);
            });
        }
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
    async fn what_is_owed_is_given_back_unless_it_was_settled_and_ends_with_its_quota() {
        let count = count(100, 6);
        (0..3).for_each(|_| assert!(count.count_unshared(address(1)).allowed));
        let owed = count.take_owed(address(1));
        assert_eq!((owed.requests(), count.take_owed(address(1)).requests()), (3, 0));
        drop(owed);
        let owed = count.take_owed(address(1));
        assert_eq!(owed.requests(), 3);
        owed.settle();
        assert_eq!(count.take_owed(address(1)).requests(), 0);
        assert!(count.count_unshared(address(1)).allowed);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(count.take_owed(address(1)).requests(), 0, "had it been counted, it would be over by now");
    }

    #[tokio::test(start_paused = true)]
    async fn remembers_a_bounded_number_of_callers() {
        let count = count(16, 6);
        for last in 0..=255 {
            count.count(address(last));
            count.charge(address(last));
            count.count_unshared(address(last));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        let kept: usize = count.shards.iter().map(|shard| shard.lock().callers.len()).sum();
        assert!(kept <= 2 * SHARDS, "{kept}");
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(count.count(address(77)).allowed, "those who are whole again are forgotten");
    }
}
