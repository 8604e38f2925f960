//! Rate limits: counted for all processes together where they share a count, else in this one.

mod local;
mod sender;

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use velox_kernel::{Allowance, Quota, RateLimiter, error_code};

use self::local::LocalCount;
pub use self::sender::{Counted, Network, TrustedProxies};
use super::Problem;
use super::table::Limit;
use crate::config::LimitsConfig;

/// The window of every policy.
const WINDOW: Duration = Duration::from_secs(60);

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// One limit: so many requests a minute, all of which may come at once, refilled evenly.
///
/// Where processes share a count, it decides. While it is away, this process allows its share of the quota by itself,
/// and tells the shared count afterwards what it allowed, so that nobody gets more by an outage.
pub struct Limiter {
    name: &'static str,
    quota: Quota,
    local: LocalCount,
    shared: Option<Arc<dyn RateLimiter>>,
    policy: HeaderValue,
}

impl Limiter {
    /// A limit of `quota` requests a minute, as configured; `None` when the quota is 0: no limit.
    #[must_use]
    pub fn new(
        name: &'static str,
        quota: u64,
        config: &LimitsConfig,
        shared: Option<Arc<dyn RateLimiter>>,
    ) -> Option<Self> {
        let policy = HeaderValue::try_from(format!("\"{name}\";q={quota};w={}", WINDOW.as_secs())).ok()?;
        let quota = Quota::new(quota, WINDOW)?;
        let local = LocalCount::new(quota.share(config.gateways), config.callers);
        Some(Self { name, quota, local, shared, policy })
    }

    /// Counts one request of the caller now.
    pub async fn count(&self, caller: Counted) -> Allowance {
        // A crowd is a matter of this process: it is of those who find its memory full.
        let (Some(shared), Some(key)) = (&self.shared, caller.key()) else {
            return self.local.count(caller);
        };
        // Given back when this is dropped half-way: a client that hangs up settles nothing.
        let owed = self.local.take_owed(caller);
        match shared.count(self.name, &key, self.quota, owed.requests()).await {
            Ok(told) => {
                owed.settle();
                if told.allowed {
                    self.local.charge(caller);
                }
                told
            }
            Err(away) => {
                if away.may_count {
                    owed.settle();
                } else {
                    drop(owed);
                }
                self.local.count_unshared(caller)
            }
        }
    }

    /// Puts policy and allowance on an answer, as draft-ietf-httpapi-ratelimit-headers-10 writes them.
    pub fn tell(&self, headers: &mut HeaderMap, allowance: Allowance) {
        headers.insert(POLICY, self.policy.clone());
        let reset = allowance.reset.as_millis().div_ceil(1000);
        let text = format!("\"{}\";r={};t={reset}", self.name, allowance.remaining);
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(STATE, value);
        }
    }

    /// The refusal.
    #[must_use]
    pub fn refuse(&self, allowance: Allowance) -> Problem {
        Problem::of(error_code::RATE_LIMITED)
            .detail(format!("At most {} requests of this kind a minute; nothing was done.", self.quota.most()))
            .retry_after(allowance.wait)
    }
}

/// The limits of the edge.
pub struct Limiters {
    usual: Option<Limiter>,
    login: Option<Limiter>,
    orders: Option<Limiter>,
}

impl Limiters {
    /// As configured; `shared` counts for all processes.
    #[must_use]
    pub fn new(config: &LimitsConfig, shared: Option<&Arc<dyn RateLimiter>>) -> Self {
        let limiter = |name, quota| Limiter::new(name, quota, config, shared.cloned());
        Self {
            usual: limiter("default", config.requests_per_minute),
            login: limiter("login", config.logins_per_minute),
            orders: limiter("orders", config.orders_per_minute),
        }
    }

    /// The limiter of a row; `None` when it counts against none or the limit is off.
    #[must_use]
    pub fn of(&self, limit: Limit) -> Option<&Limiter> {
        match limit {
            Limit::None => None,
            Limit::Usual => self.usual.as_ref(),
            Limit::Login => self.login.as_ref(),
            Limit::Orders => self.orders.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use velox_kernel::UserId;
    use velox_testkit::peers::MemoryLimits;

    use super::*;

    fn config(gateways: u64) -> LimitsConfig {
        LimitsConfig { requests_per_minute: 0, orders_per_minute: 60, logins_per_minute: 0, callers: 1_000, gateways }
    }

    fn user(number: u128) -> Counted {
        Counted::User(UserId::new(uuid::Uuid::from_u128(number)))
    }

    /// Two processes of three that share a count.
    fn pair(shared: &Arc<MemoryLimits>) -> [Limiter; 2] {
        [(); 2].map(|()| Limiter::new("orders", 60, &config(3), Some(shared.clone())).unwrap())
    }

    async fn allowed(limiter: &Limiter, caller: Counted, requests: usize) -> usize {
        let mut allowed = 0;
        for _ in 0..requests {
            allowed += usize::from(limiter.count(caller).await.allowed);
        }
        allowed
    }

    #[test]
    fn zero_is_no_limit() {
        assert!(Limiter::new("t", 0, &config(1), None).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn processes_share_one_quota() {
        let shared = Arc::new(MemoryLimits::default());
        let [one, other] = pair(&shared);
        assert_eq!(allowed(&one, user(1), 40).await, 40);
        assert_eq!(allowed(&other, user(1), 40).await, 20);
        assert_eq!(allowed(&other, user(2), 100).await, 60);
    }

    #[tokio::test(start_paused = true)]
    async fn without_the_shared_count_each_allows_its_share() {
        let shared = Arc::new(MemoryLimits::default());
        let [one, other] = pair(&shared);
        shared.set_away(true);
        assert_eq!(allowed(&one, user(1), 100).await, 20);
        assert_eq!(allowed(&other, user(1), 100).await, 20);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_renews_nothing() {
        let shared = Arc::new(MemoryLimits::default());
        let [one, other] = pair(&shared);
        assert_eq!(allowed(&one, user(1), 60).await, 60, "all of it, through one process");
        shared.set_away(true);
        assert_eq!(allowed(&one, user(1), 60).await, 0, "the one that knows");
        assert_eq!(allowed(&other, user(1), 60).await, 20, "one that was never asked has its share to give");
        shared.set_away(false);
        assert_eq!(allowed(&one, user(1), 60).await, 0, "and back again nothing is whole");
        assert_eq!(allowed(&other, user(1), 1).await, 0);
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(allowed(&other, user(1), 60).await, 30, "what an outage allowed is never counted for more than all");
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_outage_allowed_is_told_afterwards() {
        let shared = Arc::new(MemoryLimits::default());
        let [one, other] = pair(&shared);
        shared.set_away(true);
        assert_eq!(allowed(&one, user(1), 15).await, 15);
        shared.set_away(false);
        assert_eq!(one.count(user(1)).await.remaining, 60 - 15 - 1);
        assert_eq!(other.count(user(1)).await.remaining, 60 - 15 - 2);
        shared.set_away(true);
        assert_eq!(allowed(&one, user(1), 60).await, 4, "its share is what it was: sixteen of twenty are spent");
    }

    #[tokio::test(start_paused = true)]
    async fn a_flush_renews_one_burst() {
        let shared = Arc::new(MemoryLimits::default());
        let [one, _] = pair(&shared);
        assert_eq!(allowed(&one, user(1), 100).await, 60);
        shared.flush();
        assert_eq!(allowed(&one, user(1), 100).await, 60);
    }
}
