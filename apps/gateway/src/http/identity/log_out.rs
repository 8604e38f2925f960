//! `POST /v1/auth/logout`: this session ends.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_identity::{Identity, log_out};

use crate::http::{Caller, Problem, run_to_end};

/// Signs out
///
/// The session of the access token ends: its tokens are refused from now on, its streams close.
#[utoipa::path(post, path = "/v1/auth/logout", responses((status = 204, description = "The session has ended.")))]
pub(super) async fn handle(caller: Caller, identity: Data<Identity>) -> Result<HttpResponse, Problem> {
    run_to_end(async move { log_out(&identity, &caller).await }).await??;
    Ok(HttpResponse::NoContent().finish())
}
