//! The contracts of the ports.

use std::sync::Arc;

use velox_kernel::{RateLimiter, SignalBus};
use velox_redis::{RedisLimits, RedisSignals};
use velox_testkit::peers::{rate_limiter_contract, signal_bus_contract};

use crate::own_server::OwnServer;

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_limits() {
    let redis = OwnServer::start().await;
    rate_limiter_contract(async || {
        [(); 2].map(|()| {
            let limits: Arc<dyn RateLimiter> = Arc::new(RedisLimits::new(redis.server()));
            limits
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_signals() {
    let redis = OwnServer::start().await;
    signal_bus_contract(async || {
        [(); 2].map(|()| {
            let signals: Arc<dyn SignalBus> = Arc::new(RedisSignals::new(redis.server()));
            signals
        })
    })
    .await;
}
