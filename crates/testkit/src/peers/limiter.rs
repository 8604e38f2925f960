//! [`MemoryLimits`], and what every `RateLimiter` keeps to.
#![expect(clippy::panic, reason = "a contract fails by panicking")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::time::Instant;
use velox_kernel::{Allowance, LimiterAway, Quota, RateLimiter};

/// Counts in memory, on tokio's clock.
pub struct MemoryLimits {
    began: Instant,
    counts: Mutex<HashMap<(String, String), u64>>,
    away: AtomicBool,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self { began: Instant::now(), counts: Mutex::default(), away: AtomicBool::default() }
    }
}

impl MemoryLimits {
    /// From now on it is away, or back.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// Forgets everything, as a server does that was started anew.
    pub fn flush(&self) {
        self.counts.lock().clear();
    }
}

#[async_trait]
impl RateLimiter for MemoryLimits {
    async fn count(&self, limit: &str, caller: &str, quota: Quota, owed: u64) -> Result<Allowance, LimiterAway> {
        if self.away.load(Ordering::SeqCst) {
            return Err(LimiterAway { may_count: false, reason: "as the test wants it".to_owned() });
        }
        let now = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut counts = self.counts.lock();
        let full_at = counts.entry((limit.to_owned(), caller.to_owned())).or_default();
        quota.charge(full_at, now, owed);
        Ok(quota.count(full_at, now))
    }
}

/// What every `RateLimiter` keeps to. `make` gives two handles on one empty count each time.
pub async fn rate_limiter_contract<F>(make: F)
where
    F: AsyncFn() -> [Arc<dyn RateLimiter>; 2],
{
    let hour = Quota::new(5, Duration::from_secs(3_600)).unwrap_or_else(|| unreachable!());
    let [one, other] = make().await;
    let count = async |limiter: &Arc<dyn RateLimiter>, limit: &str, caller: &str, owed: u64| {
        limiter.count(limit, caller, hour, owed).await.unwrap_or_else(|error| panic!("{error}"))
    };

    // The quota is there at once and for all processes together.
    let mut remaining = Vec::new();
    for limiter in [&one, &other, &one, &other, &one] {
        let told = count(limiter, "orders", "ada", 0).await;
        assert!(told.allowed && told.wait.is_zero(), "{told:?}");
        remaining.push(told.remaining);
    }
    assert_eq!(remaining, [4, 3, 2, 1, 0]);
    for limiter in [&one, &other] {
        let told = count(limiter, "orders", "ada", 0).await;
        assert!(!told.allowed && told.remaining == 0, "{told:?}");
        assert!(told.wait > Duration::from_secs(600) && told.wait <= Duration::from_secs(720), "{told:?}");
        assert!(told.reset > Duration::from_secs(3_500) && told.reset <= Duration::from_secs(3_600), "{told:?}");
    }

    // Callers and limits are counted apart.
    assert_eq!(count(&one, "orders", "grace", 0).await.remaining, 4);
    assert_eq!(count(&one, "login", "ada", 0).await.remaining, 4);

    // What is owed counts first, and never for more than all.
    assert_eq!(count(&one, "orders", "joan", 2).await.remaining, 2);
    let owed = count(&one, "orders", "mary", 1_000_000).await;
    assert!(!owed.allowed && owed.reset <= Duration::from_secs(3_600), "{owed:?}");
    assert!(!count(&other, "orders", "mary", 0).await.allowed, "what was owed is kept although nothing was allowed");

    // Requests that come at once are counted one by one.
    let at_once = join_all((0..40).map(|index| count(if index % 2 == 0 { &one } else { &other }, "burst", "ada", 0)));
    assert_eq!(at_once.await.iter().filter(|told| told.allowed).count(), 5);

    // It refills evenly.
    let quick = Quota::new(2, Duration::from_millis(200)).unwrap_or_else(|| unreachable!());
    let ask = async || one.count("quick", "ada", quick, 0).await.unwrap_or_else(|error| panic!("{error}"));
    while ask().await.allowed {}
    let refused = ask().await;
    if !refused.allowed {
        tokio::time::sleep(refused.wait).await;
        assert!(ask().await.allowed, "after the wait that it named");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_keeps_the_contract() {
        rate_limiter_contract(async || {
            let limits = Arc::new(MemoryLimits::default());
            let one: Arc<dyn RateLimiter> = limits.clone();
            [one, limits]
        })
        .await;
    }
}
