//! Rate limits in the process: the generic cell rate algorithm (ITU-T I.371), one number a caller.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;
use tokio::time::Instant;
use velox_kernel::{UserId, error_code};

use super::Problem;
use super::table::Limit;
use crate::config::LimitsConfig;

/// The window of every policy.
const WINDOW: Duration = Duration::from_secs(60);
/// Parts of the map, so that workers seldom meet.
const SHARDS: usize = 16;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// Who is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// A user, on whatever address.
    User(UserId),
    /// A network, before anybody signed in.
    Address(Network),
    /// Everybody who finds the map full, together.
    Crowd,
}

impl Counted {
    /// Whoever sent the request, before anybody signed in.
    #[must_use]
    pub fn sender(request: &HttpRequest) -> Self {
        request.peer_addr().map_or(Self::Crowd, |peer| Self::Address(peer.ip().into()))
    }
}

/// What one household has: an IPv4 address, or an IPv6 network of 64 bits, all of whose addresses are its to choose
/// from (RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        // An IPv4 address is one also where it comes in IPv6's clothes: all of these share one network of 64 bits.
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        })
    }
}

/// Where a caller stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether the request is within the limit.
    pub allowed: bool,
    /// How many more would be, at once.
    pub remaining: u64,
    /// When all of the quota is there again.
    pub reset: Duration,
    /// How long to wait for the next one; zero when allowed.
    pub wait: Duration,
}

/// One limit: `quota` requests a minute, all of which may come at once, refilled evenly.
pub struct Limiter {
    name: &'static str,
    quota: u64,
    /// Microseconds that one request costs.
    cost: u64,
    callers: usize,
    hasher: RandomState,
    shards: [Mutex<HashMap<Counted, u64>>; SHARDS],
    epoch: Instant,
    policy: HeaderValue,
}

impl Limiter {
    /// A limit of `quota` requests a minute, remembering up to `callers` callers; `None` when the quota is 0: no limit.
    #[must_use]
    pub fn new(name: &'static str, quota: u64, callers: usize) -> Option<Self> {
        if quota == 0 {
            return None;
        }
        let window = u64::try_from(WINDOW.as_micros()).unwrap_or(u64::MAX);
        let policy = HeaderValue::try_from(format!("\"{name}\";q={quota};w={}", WINDOW.as_secs())).ok()?;
        Some(Self {
            name,
            quota,
            cost: (window / quota).max(1),
            callers: callers.div_ceil(SHARDS).max(1),
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
            epoch: Instant::now(),
            policy,
        })
    }

    /// Counts one request of the caller now.
    pub fn count(&self, caller: Counted) -> Standing {
        self.count_at(caller, u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// Counts one request of the caller, `now` microseconds after the limiter was made.
    fn count_at(&self, caller: Counted, now: u64) -> Standing {
        let place = usize::try_from(self.hasher.hash_one(caller)).unwrap_or(0) % SHARDS;
        let mut shard = self.shards[place].lock();
        let mut caller = caller;
        if shard.len() >= self.callers && !shard.contains_key(&caller) {
            shard.retain(|_, full_at| *full_at > now);
            if shard.len() >= self.callers {
                caller = Counted::Crowd;
            }
        }
        // The theoretical arrival time: when the quota is whole again.
        let full_at = shard.entry(caller).or_insert(now);
        let most = self.cost * self.quota;
        let next = (*full_at).max(now) + self.cost;
        if next - now > most {
            let debt = *full_at - now;
            return Standing {
                allowed: false,
                remaining: 0,
                reset: Duration::from_micros(debt),
                wait: Duration::from_micros(next - now - most),
            };
        }
        *full_at = next;
        Standing {
            allowed: true,
            remaining: (most - (next - now)) / self.cost,
            reset: Duration::from_micros(next - now),
            wait: Duration::ZERO,
        }
    }

    /// Puts policy and standing on an answer, as draft-ietf-httpapi-ratelimit-headers-10 writes them.
    pub fn tell(&self, headers: &mut HeaderMap, standing: Standing) {
        headers.insert(POLICY, self.policy.clone());
        let reset = standing.reset.as_millis().div_ceil(1000);
        let text = format!("\"{}\";r={};t={reset}", self.name, standing.remaining);
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(STATE, value);
        }
    }

    /// The refusal.
    #[must_use]
    pub fn refuse(&self, standing: Standing) -> Problem {
        Problem::of(error_code::RATE_LIMITED)
            .detail(format!("At most {} requests of this kind a minute; nothing was done.", self.quota))
            .retry_after(standing.wait)
    }
}

/// The limits of the edge.
pub struct Limiters {
    usual: Option<Limiter>,
    login: Option<Limiter>,
    orders: Option<Limiter>,
}

impl Limiters {
    /// As configured.
    #[must_use]
    pub fn new(config: &LimitsConfig) -> Self {
        Self {
            usual: Limiter::new("default", config.requests_per_minute, config.callers),
            login: Limiter::new("login", config.logins_per_minute, config.callers),
            orders: Limiter::new("orders", config.orders_per_minute, config.callers),
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
    use std::net::Ipv4Addr;

    use super::*;

    fn address(last: u8) -> Counted {
        Counted::Address(IpAddr::from(Ipv4Addr::new(10, 0, 0, last)).into())
    }

    #[tokio::test]
    async fn allows_the_quota_at_once_and_refills_evenly() {
        let limiter = Limiter::new("t", 6, 100).unwrap();
        for remaining in (0..6).rev() {
            let standing = limiter.count_at(address(1), 0);
            assert!(standing.allowed);
            assert_eq!(standing.remaining, remaining);
        }
        let refused = limiter.count_at(address(1), 0);
        assert!(!refused.allowed);
        assert_eq!(refused.wait, Duration::from_secs(10));
        assert!(limiter.count_at(address(2), 0).allowed, "callers do not share a quota");
        assert!(!limiter.count_at(address(1), 9_999_999).allowed);
        assert!(limiter.count_at(address(1), 10_000_000).allowed);
    }

    #[tokio::test]
    async fn remembers_a_bounded_number_of_callers() {
        let limiter = Limiter::new("t", 6, 16).unwrap();
        for last in 0..=255 {
            limiter.count_at(address(last), 0);
        }
        let kept: usize = limiter.shards.iter().map(|shard| shard.lock().len()).sum();
        assert!(kept <= 2 * SHARDS, "{kept}");
        assert!(limiter.count_at(address(77), 60_000_001).allowed, "those who are whole again are forgotten");
    }

    #[tokio::test]
    async fn a_network_of_64_bits_is_one_caller() {
        let limiter = Limiter::new("t", 1, 100).unwrap();
        let allowed =
            |address: &str| limiter.count_at(Counted::Address(address.parse::<IpAddr>().unwrap().into()), 0).allowed;
        assert!(allowed("2001:db8:1:1::1"));
        assert!(!allowed("2001:db8:1:1:ffff:ffff:ffff:ffff"), "the same network");
        assert!(allowed("2001:db8:1:2::1"), "another");
        assert!(allowed("10.0.0.1") && allowed("10.0.0.2"), "IPv4 is counted by address");
        assert!(!allowed("::ffff:10.0.0.1"), "also on a socket that takes both");
        assert!(allowed("::ffff:10.0.0.3"));
    }

    #[test]
    fn zero_is_no_limit() {
        assert!(Limiter::new("t", 0, 16).is_none());
    }
}
