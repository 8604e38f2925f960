//! Rate limits: counted by caller, told in headers, refused before anything is done.

use std::sync::atomic::Ordering;

use velox::http::health::HealthChecks;

use crate::routes::table;
use crate::server::{assert_problem, request, start};

#[tokio::test]
async fn orders_beyond_the_limit_are_refused_before_anything_is_done() {
    let running = start(table(), HealthChecks::default(), &[("limits.orders_per_minute", "2")]);
    let body = br#"{"symbol":"BTC","quantity":1}"#;
    let place = async |token: &str| {
        let header = format!("Bearer {token}");
        let headers = [("Authorization", header.as_str()), ("Content-Type", "application/json")];
        request(running.address, "POST", "/t/orders", &headers, body).await
    };
    let first = place("trader").await;
    assert_eq!(first.status, 201);
    assert_eq!(first.header("ratelimit-policy"), Some("\"orders\";q=2;w=60"));
    assert_eq!(first.header("ratelimit"), Some("\"orders\";r=1;t=30"));
    assert_eq!(place("trader").await.status, 201);
    let third = place("trader").await;
    assert_problem(&third, 429, "rate_limited", "third");
    assert_eq!(third.json()["retryable"], true);
    let wait: u64 = third.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    assert_eq!(place("admin").await.status, 201, "another user has a quota of their own");
    assert_eq!(running.executed.0.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn guesses_are_counted_by_address() {
    let running = start(
        table(),
        HealthChecks::default(),
        &[("limits.logins_per_minute", "1"), ("limits.requests_per_minute", "3")],
    );
    let login = async || request(running.address, "POST", "/t/login", &[], b"").await;
    assert_eq!(login().await.status, 204);
    assert_problem(&login().await, 429, "rate_limited", "second login");

    let guess = async || request(running.address, "GET", "/t/me", &[("Authorization", "Bearer guess")], b"").await;
    for _ in 0..3 {
        assert_problem(&guess().await, 401, "unauthenticated", "guess");
    }
    assert_problem(&guess().await, 429, "rate_limited", "fourth guess");
    let known = request(running.address, "GET", "/t/me", &[("Authorization", "Bearer viewer")], b"").await;
    assert_eq!(known.status, 200, "a user is not counted by address");
}
