//! `POST /v1/auth/logout-everywhere`: every session of the user ends.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;
use velox_identity::{Identity, log_out_everywhere};

use crate::http::{Caller, Problem, run_to_end};

/// What ended.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionsEnded)]
struct SessionsEndedView {
    /// How many sessions were live, this one included.
    #[schema(example = 2)]
    ended: usize,
}

/// Signs out everywhere
///
/// Every session of the user ends, this one too.
#[utoipa::path(post, path = "/v1/auth/logout-everywhere",
    responses((status = 200, description = "The sessions have ended.", body = SessionsEndedView)))]
pub(super) async fn handle(caller: Caller, identity: Data<Identity>) -> Result<HttpResponse, Problem> {
    let ended = run_to_end(async move { log_out_everywhere(&identity, &caller).await }).await??.len();
    Ok(HttpResponse::Ok().json(SessionsEndedView { ended }))
}
