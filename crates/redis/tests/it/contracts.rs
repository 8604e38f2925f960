//! The contracts of the ports.

use std::sync::Arc;
use std::time::Duration;

use velox_kernel::{Ids, Quota, RateLimiter, SignalBus};
use velox_redis::{RedisLimits, RedisOptions, RedisServer, RedisSignals};
use velox_testkit::peers::{rate_limiter_contract, signal_bus_contract};
use velox_testkit::trading::FreshIds;

/// The variable that names a server.
const URL: &str = "VELOX_TEST_REDIS_URL";

/// A server under names that nobody else uses.
fn server(prefix: &str) -> Arc<RedisServer> {
    let url = std::env::var(URL).unwrap_or_else(|_| {
        panic!("{URL} names no Redis server: run the tests with `cargo xtask test`, which starts one")
    });
    let options =
        RedisOptions { prefix: prefix.to_owned(), deadline: Duration::from_secs(2), ..RedisOptions::default() };
    Arc::new(RedisServer::new(&url, options).unwrap())
}

/// Such names.
fn prefix() -> String {
    format!("velox-test-{}", FreshIds.next().simple())
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_limits() {
    rate_limiter_contract(async || {
        let prefix = prefix();
        [(); 2].map(|()| {
            let limits: Arc<dyn RateLimiter> = Arc::new(RedisLimits::new(server(&prefix)));
            limits
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_signals() {
    signal_bus_contract(async || {
        let prefix = prefix();
        [(); 2].map(|()| {
            let signals: Arc<dyn SignalBus> = Arc::new(RedisSignals::new(server(&prefix)));
            signals
        })
    })
    .await;
}

/// As after a clock that went back, or a quota that was cut: more is owed than there ever is.
#[tokio::test(flavor = "multi_thread")]
async fn who_owes_more_than_the_whole_quota_is_let_in_again_as_it_refills() {
    let limits = RedisLimits::new(server(&prefix()));
    let count = async |requests: u64, per: Duration| {
        limits.count("orders", "ada", Quota::new(requests, per).unwrap(), 0).await.unwrap()
    };
    for _ in 0..5 {
        count(5, Duration::from_secs(3_600)).await;
    }
    let refused = count(2, Duration::from_millis(200)).await;
    assert!(!refused.allowed);
    tokio::time::sleep(refused.wait).await;
    assert!(count(2, Duration::from_millis(200)).await.allowed, "after the wait that it named");
}
