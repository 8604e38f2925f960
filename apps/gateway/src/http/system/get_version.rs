//! `GET /v1/version`: which build answers.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

/// Which build answers.
#[derive(Serialize, ToSchema)]
struct Version {
    /// Always `velox`.
    #[schema(example = "velox")]
    name: &'static str,
    /// The version, by semantic versioning.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

/// Which build answers
#[utoipa::path(get, path = "/v1/version", responses((status = 200, description = "The build.", body = Version)))]
pub(super) async fn handle() -> HttpResponse {
    HttpResponse::Ok().json(Version { name: "velox", version: env!("CARGO_PKG_VERSION") })
}
