//! `GET /v1/openapi.json`: this API, described.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::http::Edge;

/// This API, described
#[utoipa::path(get, path = "/v1/openapi.json", responses((status = 200, description = "An OpenAPI 3.1 document.", body = Object)))]
pub(super) async fn handle(edge: Data<Edge>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(edge.openapi())
}
