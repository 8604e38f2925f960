//! `GET /health`: how each part is.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::Edge;
use crate::http::health::{Component, Status, overall};

/// How the process and its parts are.
#[derive(Serialize, ToSchema)]
struct HealthView {
    /// The worst that matters.
    status: Status,
    /// Whether the process is leaving.
    draining: bool,
    /// Each part.
    components: Vec<Component>,
}

/// How each part is
///
/// Answers 200 whatever the parts say: `/readyz` is for balancers, this is for people and dashboards.
#[utoipa::path(get, path = "/health", responses((status = 200, description = "How each part is.", body = HealthView)))]
pub(super) async fn handle(edge: Data<Edge>) -> HttpResponse {
    let components = edge.health.ask().await;
    HttpResponse::Ok().json(HealthView {
        status: overall(&components),
        draining: edge.shutdown.has_begun(),
        components,
    })
}
