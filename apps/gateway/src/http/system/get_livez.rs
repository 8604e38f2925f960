//! `GET /livez`: the process answers.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::web::{Bytes, Data};

use crate::http::Edge;

/// Whether the process is alive
///
/// Answers as cheaply as it can and looks at nothing: a supervisor that gets no answer should restart the process.
#[utoipa::path(get, path = "/livez", responses((status = 200, description = "It is.", body = String, content_type = "text/plain", example = "ok")))]
pub(super) async fn handle(edge: Data<Edge>) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    if edge.shutdown.has_begun() {
        answer.force_close();
    }
    answer.insert_header((CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")));
    answer.body(Bytes::from_static(b"ok"))
}
