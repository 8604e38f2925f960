//! `GET /metrics`: the process in numbers.

use actix_web::HttpResponse;
use actix_web::web::Data;
use metrics::gauge;

use crate::http::Edge;

/// The process in numbers
///
/// Prometheus text exposition format 0.0.4.
#[utoipa::path(get, path = "/metrics", responses((status = 200, description = "The figures.", body = String, content_type = "text/plain")))]
pub(super) async fn handle(edge: Data<Edge>) -> HttpResponse {
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    gauge!("velox_http_connections").set(count(edge.connections.open()));
    gauge!("velox_http_requests_in_flight").set(count(edge.connections.in_flight()));
    edge.metrics.run_upkeep();
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(edge.metrics.render())
}
