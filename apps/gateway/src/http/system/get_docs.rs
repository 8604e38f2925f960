//! `GET /docs`: the way to the reference page.

use actix_web::HttpResponse;
use actix_web::http::header;

/// The reference page's address
#[utoipa::path(get, path = "/docs", responses((status = 308, description = "To `/docs/`.")))]
pub(super) async fn handle() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish()
}
