//! [`Quota`]: how much a caller may ask, by the generic cell rate algorithm (ITU-T I.371), and the port to a count that
//! several processes share.

use std::time::Duration;

use async_trait::async_trait;

/// So many requests in a time, all of which may come at once, refilled evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    most: u64,
    /// Microseconds that one request costs.
    cost: u64,
}

/// Where a caller stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Whether the request is within the quota.
    pub allowed: bool,
    /// How many more would be, at once.
    pub remaining: u64,
    /// When all of the quota is there again.
    pub reset: Duration,
    /// How long to wait for the next one; zero when allowed.
    pub wait: Duration,
}

impl Quota {
    /// `most` requests in `window`; `None` when that is none at all.
    #[must_use]
    pub fn new(most: u64, window: Duration) -> Option<Self> {
        let window = u64::try_from(window.as_micros()).unwrap_or(u64::MAX);
        (most > 0).then(|| Self { most, cost: (window / most).max(1) })
    }

    /// What one of `parts` processes may allow by itself when they do not know of each other. All of them together allow
    /// the quota, but for a share below one request, which is one at a time and as seldom as it has to be.
    #[must_use]
    pub fn share(self, parts: u64) -> Self {
        let parts = parts.max(1);
        Self { most: (self.most / parts).max(1), cost: self.cost.saturating_mul(parts) }
    }

    /// How many requests may come at once.
    #[must_use]
    pub const fn most(self) -> u64 {
        self.most
    }

    /// Microseconds that one request costs.
    #[must_use]
    pub const fn cost(self) -> u64 {
        self.cost
    }

    /// Microseconds until a quota that is used up is whole again.
    #[must_use]
    pub const fn span(self) -> u64 {
        self.cost.saturating_mul(self.most)
    }

    /// Counts one request at `now`; `full_at` is when the caller's quota is whole again (the theoretical arrival time),
    /// both in microseconds of one clock.
    pub fn count(self, full_at: &mut u64, now: u64) -> Allowance {
        let debt = full_at.saturating_sub(now).min(self.span());
        let next = debt.saturating_add(self.cost);
        let allowed = next <= self.span();
        if allowed {
            *full_at = now.saturating_add(next);
        }
        self.tell(allowed, if allowed { next } else { debt })
    }

    /// Counts requests that were let through already, however many the quota would have allowed.
    pub fn charge(self, full_at: &mut u64, now: u64, requests: u64) {
        let debt = full_at.saturating_sub(now).saturating_add(self.cost.saturating_mul(requests));
        *full_at = now.saturating_add(debt.min(self.span()));
    }

    /// Where a caller stands who was allowed a request or not and owes `debt` microseconds then.
    #[must_use]
    pub fn tell(self, allowed: bool, debt: u64) -> Allowance {
        let free = self.span().saturating_sub(debt);
        Allowance {
            allowed,
            remaining: if allowed { free / self.cost } else { 0 },
            reset: Duration::from_micros(debt),
            wait: if allowed { Duration::ZERO } else { Duration::from_micros(self.cost.saturating_sub(free)) },
        }
    }
}

/// The shared count gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shared limits are away: {reason}")]
pub struct LimiterAway {
    /// Whether it was asked and only slow: it counts what it was asked when it goes on.
    pub may_count: bool,
    /// Why.
    pub reason: String,
}

/// Counts requests for all processes together.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Counts one request of `caller` against `quota` under the name `limit`, after `owed` requests that were let through
    /// uncounted: those count first, whatever the quota says to them.
    ///
    /// # Errors
    /// [`LimiterAway`], soon: whoever asks has a request waiting.
    async fn count(&self, limit: &str, caller: &str, quota: Quota, owed: u64) -> Result<Allowance, LimiterAway>;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn allows_the_quota_at_once_and_refills_evenly() {
        let quota = Quota::new(6, MINUTE).unwrap();
        let mut full_at = 0;
        for remaining in (0..6).rev() {
            let told = quota.count(&mut full_at, 0);
            assert!(told.allowed);
            assert_eq!(told.remaining, remaining);
        }
        let refused = quota.count(&mut full_at, 0);
        assert!(!refused.allowed);
        assert_eq!((refused.wait, refused.reset), (Duration::from_secs(10), MINUTE));
        assert!(!quota.count(&mut full_at, 9_999_999).allowed);
        assert!(quota.count(&mut full_at, 10_000_000).allowed);
        assert!(Quota::new(0, MINUTE).is_none());
    }

    #[test]
    fn shares_add_up_to_the_quota() {
        let quota = Quota::new(100, MINUTE).unwrap();
        let share = quota.share(4);
        assert_eq!((share.most(), share.span()), (25, 60_000_000));
        let seldom = Quota::new(2, MINUTE).unwrap().share(10);
        assert_eq!((seldom.most(), seldom.cost()), (1, 300_000_000), "a tenth of two a minute is one in five minutes");
    }

    #[test]
    fn what_is_charged_is_never_more_than_all() {
        let quota = Quota::new(6, MINUTE).unwrap();
        let mut full_at = 0;
        quota.charge(&mut full_at, 1_000, 2);
        assert_eq!(quota.count(&mut full_at, 1_000).remaining, 3);
        quota.charge(&mut full_at, 1_000, 1_000);
        assert_eq!(full_at, 60_001_000);
        assert!(!quota.count(&mut full_at, 1_000).allowed);
    }

    #[test]
    fn a_clock_that_went_back_owes_no_more_than_all() {
        let quota = Quota::new(6, MINUTE).unwrap();
        let mut full_at = 500_000_000;
        assert_eq!(quota.count(&mut full_at, 0).reset, MINUTE);
    }
}
