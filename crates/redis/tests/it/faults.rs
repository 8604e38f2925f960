//! A server that is killed, hangs, or forgets.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use velox_kernel::{Quota, RateLimiter, SignalBus};
use velox_redis::{RedisLimits, RedisOptions, RedisServer, RedisSignals};
use velox_testkit::OwnRedis;

/// How long anything here may take to become true.
const DEADLINE: Duration = Duration::from_secs(20);

fn options() -> RedisOptions {
    RedisOptions { deadline: Duration::from_millis(500), closed: Duration::from_millis(50), ..RedisOptions::default() }
}

fn server(redis: &OwnRedis, options: RedisOptions) -> Arc<RedisServer> {
    Arc::new(RedisServer::new(&redis.url(), options).unwrap())
}

fn hour() -> Quota {
    Quota::new(3, Duration::from_secs(3_600)).unwrap()
}

/// Asks until the answer is as wanted.
async fn until<T>(mut ask: impl AsyncFnMut() -> T, wanted: impl Fn(&T) -> bool) -> T {
    let began = Instant::now();
    loop {
        let answer = ask().await;
        if wanted(&answer) {
            return answer;
        }
        assert!(began.elapsed() < DEADLINE, "it does not come true");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_it_is_asked_again_and_counts_what_is_owed() {
    let mut redis = OwnRedis::start();
    let limits = RedisLimits::new(server(&redis, options()));
    assert!(limits.count("orders", "ada", hour(), 0).await.unwrap().allowed);
    redis.kill();
    assert!(limits.count("orders", "ada", hour(), 0).await.is_err());
    redis.start_again();
    // Newly started it knows nothing; what was let through meanwhile is told to it.
    let told = until(async || limits.count("orders", "ada", hour(), 2).await, Result::is_ok).await.unwrap();
    assert!(told.allowed && told.remaining == 0, "{told:?}");
    assert!(!limits.count("orders", "ada", hour(), 0).await.unwrap().allowed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_costs_one_caller_the_deadline_and_the_others_nothing() {
    let redis = OwnRedis::start();
    let limits = RedisLimits::new(server(&redis, RedisOptions { closed: Duration::from_secs(60), ..options() }));
    assert!(limits.count("orders", "ada", hour(), 0).await.unwrap().allowed);
    redis.freeze(true);
    assert!(limits.count("orders", "ada", hour(), 0).await.is_err());
    let began = Instant::now();
    for _ in 0..1_000 {
        assert!(limits.count("orders", "ada", hour(), 0).await.is_err());
    }
    assert!(began.elapsed() < Duration::from_millis(500), "a thousand callers wait less than one deadline");
    redis.freeze(false);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_asks_although_the_door_is_closed_and_opens_it() {
    let redis = OwnRedis::start();
    let server = server(&redis, RedisOptions { closed: Duration::from_secs(60), ..options() });
    let limits = RedisLimits::new(server.clone());
    redis.freeze(true);
    assert!(server.health().await.is_err());
    assert!(limits.count("orders", "ada", hour(), 0).await.is_err());
    redis.freeze(false);
    until(async || server.health().await, Result::is_ok).await.unwrap();
    assert!(limits.count("orders", "ada", hour(), 0).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_hears_that_its_connection_has_ended() {
    let mut redis = OwnRedis::start();
    let signals = RedisSignals::new(server(&redis, options()));
    let mut listener = signals.listen().await.unwrap();
    redis.kill();
    let heard = tokio::time::timeout(DEADLINE, listener.next()).await.expect("it must not wait for ever");
    assert!(heard.is_err());
    assert!(signals.listen().await.is_err() && signals.publish("x").await.is_err());
    redis.start_again();
    let mut listener = signals.listen().await.unwrap();
    until(async || signals.publish("again").await, Result::is_ok).await.unwrap();
    assert_eq!(listener.next().await.unwrap(), "again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_notices_a_server_that_hangs() {
    let redis = OwnRedis::start();
    let signals = RedisSignals::new(server(&redis, options()));
    let mut listener = signals.listen().await.unwrap();
    redis.freeze(true);
    let heard = tokio::time::timeout(DEADLINE, listener.next()).await.expect("it must not wait for ever");
    assert!(heard.is_err());
    redis.freeze(false);
}

#[test]
fn an_address_that_is_none_is_refused_without_telling_its_password() {
    let wrong = RedisServer::new("postgres://ada:secret@localhost/x", RedisOptions::default());
    let said = wrong.unwrap_err().to_string();
    assert!(!said.contains("secret"), "{said}");
}
