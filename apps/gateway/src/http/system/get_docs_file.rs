//! `GET /docs/…`: the reference page and its files, from the binary; nothing is fetched from elsewhere.

use std::sync::{Arc, LazyLock};

use actix_web::HttpResponse;
use actix_web::http::header::{self, CONTENT_SECURITY_POLICY};
use utoipa_swagger_ui::Config;
use velox_kernel::error_code;

use crate::http::{PathId, Problem, security_headers};

static CONFIG: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from("/v1/openapi.json").try_it_out_enabled(true).persist_authorization(false)));

/// The reference page
#[utoipa::path(get, path = "/docs/{file:.*}", responses((status = 200, description = "A page or one of its files.")))]
pub(super) async fn handle(PathId(file): PathId<String>) -> Result<HttpResponse, Problem> {
    let file = utoipa_swagger_ui::serve(&file, Arc::clone(&CONFIG)).map_err(Problem::internal)?;
    let file = file.ok_or_else(|| Problem::of(error_code::NOT_FOUND))?;
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(file.content_type)
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((CONTENT_SECURITY_POLICY, security_headers::PAGE_POLICY));
    if file.gzpipped {
        answer.insert_header(header::ContentEncoding::Gzip);
    }
    Ok(answer.body(file.bytes.into_owned()))
}
