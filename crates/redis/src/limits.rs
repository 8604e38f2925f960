//! [`RedisLimits`]: counts requests for all processes together.

use std::sync::Arc;

use async_trait::async_trait;
use redis::Script;
use velox_kernel::{Allowance, LimiterAway, Quota, RateLimiter};

use crate::{RedisAway, RedisServer};

/// Counts requests in the server, by one script on the server's clock.
pub struct RedisLimits {
    server: Arc<RedisServer>,
    script: Script,
}

impl RedisLimits {
    /// Limits in the server.
    #[must_use]
    pub fn new(server: Arc<RedisServer>) -> Self {
        Self { server, script: Script::new(include_str!("gcra.lua")) }
    }
}

#[async_trait]
impl RateLimiter for RedisLimits {
    async fn count(&self, limit: &str, caller: &str, quota: Quota, owed: u64) -> Result<Allowance, LimiterAway> {
        let key = self.server.name(&format!("limit:{limit}:{caller}"));
        let asked = self.server.ask(async |connection| {
            let mut call = self.script.key(&key);
            call.arg(quota.cost()).arg(quota.span()).arg(owed);
            call.invoke_async::<(bool, u64)>(connection).await
        });
        let away = |error: RedisAway| LimiterAway { may_count: error.is_late, reason: error.to_string() };
        let (allowed, debt) = asked.await.map_err(away)?;
        Ok(quota.tell(allowed, debt))
    }
}
