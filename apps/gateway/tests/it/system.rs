//! The server's own routes, as its own table serves them.

use std::sync::Arc;

use async_trait::async_trait;
use velox::http::health::{Health, HealthCheck, HealthChecks};
use velox::http::{openapi, routes};

use crate::routes::table;
use crate::server::{assert_problem, request, start};

struct Part(&'static str, bool, Health);

#[async_trait]
impl HealthCheck for Part {
    fn name(&self) -> &'static str {
        self.0
    }

    fn required(&self) -> bool {
        self.1
    }

    async fn check(&self) -> Health {
        self.2.clone()
    }
}

#[tokio::test]
async fn every_path_answers_head_options_and_other_methods() {
    let running = start(routes(), HealthChecks::default(), &[]);
    for row in velox::http::system::rows() {
        let path = row.path.replace("{file:.*}", "index.css");
        let got = request(running.address, "GET", &path, &[], b"").await;
        assert!(got.status < 400, "{path}: {}", got.status);
        let head = request(running.address, "HEAD", &path, &[], b"").await;
        assert_eq!((head.status, head.body.len()), (got.status, 0), "{path}");
        let options = request(running.address, "OPTIONS", &path, &[], b"").await;
        assert_eq!((options.status, options.header("allow")), (204, Some("GET, HEAD, OPTIONS")), "{path}");
        for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE"] {
            let answer = request(running.address, method, &path, &[], b"").await;
            assert_problem(&answer, 405, "method_not_allowed", &path);
            assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"), "{path}");
        }
        if !matches!(path.as_str(), "/livez") {
            assert_eq!(got.header("x-content-type-options"), Some("nosniff"), "{path}");
            assert!(got.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"), "{path}");
        }
    }
    assert_problem(&request(running.address, "GET", "/docs/nothing.js", &[], b"").await, 404, "not_found", "docs");
    assert_problem(&request(running.address, "GET", "/docs/../etc/passwd", &[], b"").await, 404, "not_found", "docs");
}

#[tokio::test]
async fn readiness_follows_the_required_parts() {
    let slow_feed: Arc<dyn HealthCheck> = Arc::new(Part("feed", false, Health::down("mute")));
    let up: Arc<dyn HealthCheck> = Arc::new(Part("database", true, Health::up()));
    let running = start(routes(), HealthChecks::default().with(Arc::clone(&slow_feed)).with(up), &[]);
    assert_eq!(request(running.address, "GET", "/readyz", &[], b"").await.status, 200);
    let health = request(running.address, "GET", "/health", &[], b"").await.json();
    assert_eq!(health["status"], "degraded");
    assert_eq!(health["components"][0]["detail"], "mute");
    assert_eq!(health["components"][1]["status"], "up");

    let down: Arc<dyn HealthCheck> = Arc::new(Part("database", true, Health::down("cannot be reached")));
    let running = start(routes(), HealthChecks::default().with(slow_feed).with(down), &[]);
    let ready = request(running.address, "GET", "/readyz", &[], b"").await;
    assert_problem(&ready, 503, "store_unavailable", "readyz");
    assert_eq!(ready.json()["detail"], "Down: database.");
    let health = request(running.address, "GET", "/health", &[], b"").await;
    assert_eq!((health.status, &health.json()["status"]), (200, &"down".into()));
    assert_eq!(request(running.address, "GET", "/livez", &[], b"").await.body, b"ok");
}

#[tokio::test]
async fn figures_name_routes_and_never_paths() {
    let running = start(table(), HealthChecks::default(), &[]);
    let path = "/t/orders/ord_01h455vb4pex5vsknk084sn02q";
    request(running.address, "GET", path, &[("Authorization", "Bearer viewer")], b"").await;
    let text = velox::http::recorder().render();
    assert!(
        text.contains(r#"velox_http_requests_total{route="/t/orders/{order_id}",method="GET",status="2xx"}"#),
        "{text}"
    );
    assert!(text.contains("velox_http_request_seconds_bucket"), "{text}");
    assert!(!text.contains("ord_01h455"), "{text}");
}

#[tokio::test]
async fn only_named_origins_may_call_from_a_browser() {
    let running = start(routes(), HealthChecks::default(), &[("server.cors_origins", "https://app.example")]);
    let preflight = async |origin: &str| {
        let headers = [("Origin", origin), ("Access-Control-Request-Method", "GET")];
        request(running.address, "OPTIONS", "/v1/version", &headers, b"").await
    };
    let allowed = preflight("https://app.example").await;
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(allowed.header("access-control-allow-methods"), Some("GET, HEAD, OPTIONS"));
    assert_problem(&preflight("https://evil.example").await, 403, "origin_not_allowed", "preflight");
    let plain = request(running.address, "GET", "/v1/version", &[("Origin", "https://evil.example")], b"").await;
    assert_eq!(plain.header("access-control-allow-origin"), None);
    assert_eq!(plain.header("vary"), Some("Origin"));
}

#[test]
fn the_document_describes_every_operation() {
    let document = serde_json::to_value(openapi::document(&table())).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let place = &document["paths"]["/t/orders"]["post"];
    assert_eq!(place["operationId"], "place_order");
    assert_eq!(place["security"][0]["bearer"], serde_json::json!([]));
    for status in ["201", "400", "401", "403", "409", "413", "415", "422", "429", "503"] {
        assert!(!place["responses"][status].is_null(), "{status}: {place}");
    }
    assert!(
        document["components"]["responses"]["Invalid"]["content"]["application/problem+json"]["example"].is_object()
    );
    assert!(document["paths"]["/t/login"]["post"]["security"].is_null());
    assert!(!document["paths"]["/t/orders/{order_id}"]["get"]["responses"]["404"].is_null());

    // Only what may have changed something tells a position.
    let told = |response: &serde_json::Value| !response["headers"]["Velox-Position"].is_null();
    assert!(told(&place["responses"]["201"]) && told(&document["components"]["responses"]["Conflict"]));
    assert!(!told(&document["paths"]["/t/orders"]["get"]["responses"]["200"]));
    assert!(!told(&document["components"]["responses"]["Unauthenticated"]));

    let body = &document["components"]["schemas"]["Body"]["properties"];
    assert_eq!(document["components"]["schemas"]["Decimal"]["type"], "string", "{body}");
    assert_eq!(body["quantity"]["$ref"], "#/components/schemas/Decimal");

    // Every reference leads somewhere.
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
    let mut operations: Vec<&str> =
        text.split("\"operationId\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    operations.sort_unstable();
    operations.dedup();
    assert_eq!(operations.len(), table().rows().count());
}
