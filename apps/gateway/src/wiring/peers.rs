//! [`Peers`]: what the configuration offers for knowing of other processes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use velox_kernel::{RateLimiter, SignalBus};
use velox_redis::{InvalidRedisUrl, RedisLimits, RedisOptions, RedisServer, RedisSignals};

use crate::config::RedisConfig;
use crate::http::health::{Health, HealthCheck};

/// What there is for knowing of other processes.
pub(super) struct Peers {
    /// Counts requests for all of them.
    pub(super) limits: Option<Arc<dyn RateLimiter>>,
    /// Wakes them.
    pub(super) bus: Option<Arc<dyn SignalBus>>,
    redis: Option<Arc<RedisServer>>,
}

impl Peers {
    /// Redis where it is configured; for signals else what the store has, if anything.
    ///
    /// # Errors
    /// [`InvalidRedisUrl`]. A server that does not answer is no error: everything goes on without it.
    pub(super) fn new(config: &RedisConfig, of_the_store: Option<Arc<dyn SignalBus>>) -> Result<Self, InvalidRedisUrl> {
        let Some(server) = redis_server(config)?.map(Arc::new) else {
            return Ok(Self { limits: None, bus: of_the_store, redis: None });
        };
        Ok(Self {
            limits: Some(Arc::new(RedisLimits::new(Arc::clone(&server)))),
            bus: Some(Arc::new(RedisSignals::new(Arc::clone(&server)))),
            redis: Some(server),
        })
    }

    /// How Redis is, where there is one.
    pub(super) fn health(&self) -> Option<Arc<dyn HealthCheck>> {
        self.redis.clone().map(|server| {
            let check: Arc<dyn HealthCheck> = Arc::new(RedisHealth(server));
            check
        })
    }
}

/// Redis, where it is configured. Nothing is connected yet.
///
/// # Errors
/// [`InvalidRedisUrl`].
pub(crate) fn redis_server(config: &RedisConfig) -> Result<Option<RedisServer>, InvalidRedisUrl> {
    let Some(url) = &config.url else { return Ok(None) };
    let options = RedisOptions {
        prefix: config.prefix.clone(),
        deadline: Duration::from_millis(config.timeout_ms),
        ..RedisOptions::default()
    };
    RedisServer::new(url.expose_secret(), options).map(Some)
}

/// Asks Redis for a sign of life. It is only missed: limits fall to shares, and the store is looked at.
struct RedisHealth(Arc<RedisServer>);

#[async_trait]
impl HealthCheck for RedisHealth {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn required(&self) -> bool {
        false
    }

    async fn check(&self) -> Health {
        match self.0.health().await {
            Ok(()) => Health::up(),
            Err(_) => Health::down("it does not answer; each gateway allows its share of the limits"),
        }
    }
}
