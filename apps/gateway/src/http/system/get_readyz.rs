//! `GET /readyz`: requests can be served.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_kernel::error_code;

use crate::http::health::{Status, overall};
use crate::http::{Edge, Problem};

/// Whether requests can be served
///
/// A balancer that gets anything but 200 should send requests elsewhere.
#[utoipa::path(get, path = "/readyz", responses((status = 200, description = "They can.", body = String, content_type = "text/plain", example = "ok")))]
pub(super) async fn handle(edge: Data<Edge>) -> Result<HttpResponse, Problem> {
    if edge.shutdown.has_begun() {
        return Err(error_code::SHUTTING_DOWN.into());
    }
    let components = edge.health.ask().await;
    if overall(&components) == Status::Down {
        let down = components.iter().filter(|part| part.required && part.status == Status::Down);
        let names: Vec<&str> = down.map(|part| part.name).collect();
        return Err(Problem::of(error_code::STORE_UNAVAILABLE)
            .detail(format!("Down: {}.", names.join(", ")))
            .extra("components", &components));
    }
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok"))
}
