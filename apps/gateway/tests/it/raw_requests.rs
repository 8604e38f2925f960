//! Bad input gets a precise answer and changes nothing.

use std::sync::atomic::Ordering;

use velox::http::health::HealthChecks;

use crate::routes::table;
use crate::server::{Client, assert_problem, request, start};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const TRADER: (&str, &str) = ("Authorization", "Bearer trader");

/// Bodies for the order route: body, status, code, JSON pointer of the first error or "", words of the answer.
const BODIES: &[(&str, u16, &str, &str, &str)] = &[
    ("", 400, "malformed_json", "", "empty"),
    ("{", 400, "malformed_json", "", "line 1 column 1"),
    ("{\"symbol\": \"BTC\",\n \"quantity\": }", 400, "malformed_json", "", "line 2 column 14"),
    (r#"{"symbol":"BTC","quantity":NaN}"#, 400, "malformed_json", "", "line 1"),
    (r#"{"symbol":"BTC","quantity":Infinity}"#, 400, "malformed_json", "", "line 1"),
    (r#"{"symbol":"BTC","quantity":01}"#, 400, "malformed_json", "", "line 1"),
    (r#"{"symbol":"BTC","quantity":1}{}"#, 400, "malformed_json", "", "trailing"),
    (r#"{"symbol":"BTC","symbol":"ETH","quantity":1}"#, 400, "malformed_json", "", "/symbol is given twice"),
    (r#"{"symbol":"BTC","quantity":1,"legs":[{"ratio":1,"ratio":2}]}"#, 400, "malformed_json", "", "/legs/0/ratio"),
    (r#"{"symbol":"BTC","quantity":1,"x":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}"#, 400, "malformed_json", "", "deep"),
    (r#"{"symbol":"BTC","quantity":1,"colour":"red"}"#, 422, "invalid_request", "/colour", "unknown field"),
    (r#"{"symbol":"BTC"}"#, 422, "invalid_request", "/quantity", "missing field"),
    (r#"[]"#, 422, "invalid_request", "", "invalid"),
    (r#""order""#, 422, "invalid_request", "", "invalid type"),
    (r#"null"#, 422, "invalid_request", "", "invalid type"),
    (r#"{"symbol":"BTC","quantity":null}"#, 422, "invalid_request", "/quantity", "decimal number"),
    (r#"{"symbol":"BTC","quantity":true}"#, 422, "invalid_request", "/quantity", "decimal number"),
    (r#"{"symbol":"BTC","quantity":[1]}"#, 422, "invalid_request", "/quantity", "decimal number"),
    (r#"{"symbol":"BTC","quantity":{"$serde_json::private::RawValue":"1"}}"#, 422, "invalid_request", "/quantity", ""),
    (r#"{"symbol":"BTC","quantity":"NaN"}"#, 422, "invalid_request", "/quantity", "not a decimal number"),
    (r#"{"symbol":"BTC","quantity":""}"#, 422, "invalid_request", "/quantity", "not a decimal number"),
    (r#"{"symbol":"BTC","quantity":" 1"}"#, 422, "invalid_request", "/quantity", "not a decimal number"),
    (
        r#"{"symbol":"BTC","quantity":1234567890123456789012345678901234567890}"#,
        422,
        "invalid_request",
        "/quantity",
        "too large",
    ),
    (r#"{"symbol":"BTC","quantity":"0.0000000000001"}"#, 422, "invalid_request", "/quantity", "12 decimal places"),
    (r#"{"symbol":"BTC","quantity":1e400}"#, 422, "invalid_request", "/quantity", "too large"),
    (r#"{"symbol":"BTC","quantity":0}"#, 422, "invalid_request", "/quantity", "above zero"),
    (r#"{"symbol":"BTC","quantity":-1}"#, 422, "invalid_request", "/quantity", "above zero"),
    (r#"{"symbol":"btc","quantity":1}"#, 422, "invalid_request", "/symbol", "1 to 24 characters"),
    (r#"{"symbol":7,"quantity":1}"#, 422, "invalid_request", "/symbol", "invalid type"),
    (r#"{"symbol":"BTC","quantity":1,"note":7}"#, 422, "invalid_request", "/note", "invalid type"),
    (
        r#"{"symbol":"BTC","quantity":1,"legs":[{"ratio":1},{"ratio":300}]}"#,
        422,
        "invalid_request",
        "/legs/1/ratio",
        "u8",
    ),
    (
        r#"{"symbol":"BTC","quantity":1,"legs":[{"ratio":1},{"ratio":10}]}"#,
        422,
        "invalid_request",
        "/legs/1/ratio",
        "greater than 9",
    ),
    (r#"{"symbol":"BTC","quantity":1,"legs":[{"ratio":1.5}]}"#, 422, "invalid_request", "/legs/0/ratio", "u8"),
    (
        r#"{"symbol":"BTC","quantity":1,"legs":[{"ratio":1},{"ratio":1},{"ratio":1}]}"#,
        422,
        "invalid_request",
        "/legs",
        "length",
    ),
];

#[tokio::test]
async fn bad_bodies_are_refused_precisely_and_change_nothing() {
    let running = start(table(), HealthChecks::default(), &[]);
    for (body, status, code, pointer, words) in BODIES {
        let answer = request(running.address, "POST", "/t/orders", &[TRADER, JSON], body.as_bytes()).await;
        assert_problem(&answer, *status, code, body);
        let problem = answer.json();
        assert_eq!(problem["outcome"], "not_executed", "{body}");
        if *status == 422 {
            assert_eq!(problem["errors"][0]["pointer"], *pointer, "{body}: {problem}");
        }
        assert!(problem.to_string().contains(words), "{body}: {problem}");
    }
    let not_utf8 = b"{\"symbol\":\"\xff\",\"quantity\":1}";
    let answer = request(running.address, "POST", "/t/orders", &[TRADER, JSON], not_utf8).await;
    assert_problem(&answer, 400, "malformed_json", "not UTF-8");
    assert_eq!(running.executed.0.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn numbers_arrive_exactly_in_both_spellings() {
    let running = start(table(), HealthChecks::default(), &[]);
    for (body, quantity, price) in [
        (r#"{"symbol":"BTC-PERP","quantity":1e-05}"#, "0.00001", None),
        (r#"{"symbol":"BTC-PERP","quantity":"1e-05","limit_price":null}"#, "0.00001", None),
        (
            r#"{"symbol":"BTC-PERP","quantity":0.1,"limit_price":9999999999999999.999999999999}"#,
            "0.1",
            Some("9999999999999999.999999999999"),
        ),
        (r#"{"symbol":"BTC-PERP","quantity":"\u0031.50","limit_price":"100"}"#, "1.5", Some("100")),
    ] {
        let answer = request(running.address, "POST", "/t/orders", &[TRADER, JSON], body.as_bytes()).await;
        assert_eq!(answer.status, 201, "{body}: {:?}", answer.json());
        assert_eq!(answer.json()["quantity"], quantity, "{body}");
        assert_eq!(answer.json()["limit_price"].as_str(), price, "{body}");
    }
    let body = br#"{"symbol":"BTC","quantity":1,"note":null,"legs":[{"ratio":2},{"ratio":3}]}"#;
    let answer = request(running.address, "POST", "/t/orders", &[TRADER, JSON], body).await.json();
    assert_eq!((&answer["cleared"], &answer["ratios"]), (&true.into(), &5.into()));
    assert_eq!(running.executed.0.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn kinds_sizes_and_times_of_bodies() {
    let running = start(
        table(),
        HealthChecks::default(),
        &[("server.body_timeout_ms", "150"), ("server.max_body_bytes", "2048")],
    );
    let (at, good) = (running.address, br#"{"symbol":"BTC","quantity":1}"#);
    for kind in
        [None, Some("text/plain"), Some("application/xml"), Some("application/json; charset=latin1"), Some("json")]
    {
        let mut headers = vec![TRADER];
        headers.extend(kind.map(|kind| ("Content-Type", kind)));
        let answer = request(at, "POST", "/t/orders", &headers, good).await;
        assert_problem(&answer, 415, "unsupported_media_type", kind.unwrap_or("none"));
    }
    for kind in ["application/json; charset=utf-8", "Application/JSON"] {
        let answer = request(at, "POST", "/t/orders", &[TRADER, ("Content-Type", kind)], good).await;
        assert_eq!(answer.status, 201, "{kind}");
    }
    let packed = request(at, "POST", "/t/orders", &[TRADER, JSON, ("Content-Encoding", "gzip")], good).await;
    assert_problem(&packed, 415, "unsupported_media_type", "gzip");

    let large = format!(r#"{{"symbol":"BTC","quantity":"{}"}}"#, "1".repeat(3_000));
    let answer = request(at, "POST", "/t/orders", &[TRADER, JSON], large.as_bytes()).await;
    assert_problem(&answer, 413, "payload_too_large", "announced");
    let admin = ("Authorization", "Bearer admin");
    let answer = request(at, "PUT", "/t/users", &[admin, JSON], &large.as_bytes()[..1_100]).await;
    assert_problem(&answer, 413, "payload_too_large", "the row's own limit");

    let chunked = "POST /t/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer trader\r\nContent-Type: application/json\r\n\
                   Transfer-Encoding: chunked\r\n\r\n";
    let mut client = Client::connect(at).await;
    client.send(format!("{chunked}bb8\r\n{}\r\n0\r\n\r\n", "1".repeat(3_000)).as_bytes()).await;
    assert_problem(&client.receive(true).await, 413, "payload_too_large", "not announced");
    let mut client = Client::connect(at).await;
    client.send(format!("{chunked}5\r\n{{\"sym").as_bytes()).await;
    assert_problem(&client.receive(true).await, 408, "request_timeout", "never ends");
}

#[tokio::test]
async fn parameters_are_named_when_they_are_wrong() {
    let running = start(table(), HealthChecks::default(), &[]);
    for (path, code, words) in [
        ("/t/orders?limit=x", "invalid_parameter", "limit"),
        ("/t/orders?limit=0", "invalid_parameter", "limit"),
        ("/t/orders?limit=501", "invalid_parameter", "limit"),
        ("/t/orders?limit=1&limit=2", "invalid_parameter", "given twice"),
        ("/t/orders?page=2", "invalid_parameter", "`page` is not known here"),
        ("/t/orders?after=%21", "invalid_cursor", "after"),
        ("/t/orders/7", "invalid_parameter", "`order_id` is not an id of the form ord_"),
        ("/t/orders/usr_01h455vb4pex5vsknk084sn02q", "invalid_parameter", "order_id"),
    ] {
        let answer = request(running.address, "GET", path, &[TRADER], b"").await;
        assert_problem(&answer, 400, code, path);
        assert!(answer.json().to_string().contains(words), "{path}: {}", answer.json());
    }
    let good = request(running.address, "GET", "/t/orders/ord%5F01h455vb4pex5vsknk084sn02q", &[TRADER], b"").await;
    assert_eq!(good.json(), "ord_01h455vb4pex5vsknk084sn02q");
    assert_eq!(request(running.address, "GET", "/t/orders?limit=7", &[TRADER], b"").await.json(), 7);
}

#[tokio::test]
async fn methods_paths_and_failures_are_problems_too() {
    let running = start(table(), HealthChecks::default(), &[]);
    let at = running.address;
    for method in ["PUT", "DELETE", "PATCH", "TRACE", "BREW"] {
        let answer = request(at, method, "/t/orders", &[TRADER], b"").await;
        assert_problem(&answer, 405, "method_not_allowed", method);
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS, POST"), "{method}");
    }
    assert_problem(&request(at, "GET", "/t/nothing", &[], b"").await, 404, "not_found", "path");
    let long = format!("/t/orders?after={}", "a".repeat(9_000));
    assert_problem(&request(at, "GET", &long, &[TRADER], b"").await, 414, "uri_too_long", "target");
    assert_problem(&request(at, "GET", "/t/foreign", &[], b"").await, 415, "unsupported_media_type", "foreign");

    let panicked = request(at, "GET", "/t/panic", &[], b"").await;
    assert_problem(&panicked, 500, "internal", "panic");
    assert!(!String::from_utf8_lossy(&panicked.body).contains("secret"));

    let slow = request(at, "GET", "/t/slow", &[], b"").await;
    assert_problem(&slow, 503, "overloaded", "slow read");
    assert_eq!(slow.json()["outcome"], "not_executed");
    let slow = request(at, "POST", "/t/slow", &[], b"").await;
    assert_problem(&slow, 503, "outcome_unknown", "slow write");
    assert_eq!(slow.json()["outcome"], "unknown");
}

#[tokio::test]
async fn request_ids_come_back_when_they_are_well_formed() {
    let running = start(table(), HealthChecks::default(), &[]);
    let id = async |value: &str| {
        let answer = request(running.address, "POST", "/t/login", &[("X-Request-Id", value)], b"").await;
        answer.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(id("trace-1").await, "trace-1");
    assert!(id("a b\tc").await.starts_with("req_"), "what could forge a log line is replaced");
}
