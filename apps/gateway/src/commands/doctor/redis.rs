//! Redis, where it is configured: whether it answers.

use super::finding::Finding;
use crate::config::Config;
use crate::wiring::redis_server;

const CHECK: &str = "redis";

/// Asks the server for a sign of life.
pub(super) async fn check(config: &Config) -> Option<Finding> {
    let server = match redis_server(&config.redis) {
        Ok(server) => server?,
        Err(error) => return Some(Finding::fail(CHECK, error.to_string(), "mend redis.url")),
    };
    Some(match server.health().await {
        Ok(()) => Finding::ok(CHECK, "it answers"),
        Err(error) => Finding::warn(
            CHECK,
            format!("{error}; each gateway allows its share of the limits meanwhile"),
            "start Redis, and check host, port and password in redis.url",
        ),
    })
}
