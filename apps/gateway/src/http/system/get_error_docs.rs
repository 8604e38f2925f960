//! `GET /docs/errors`: where a problem's `type` points.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_SECURITY_POLICY;

use crate::http::{error_docs, security_headers};

/// The error codes, as a page
#[utoipa::path(get, path = "/docs/errors", responses((status = 200, description = "A page.", content_type = "text/html")))]
pub(super) async fn handle() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, security_headers::PAGE_POLICY))
        .body(error_docs::to_html())
}
