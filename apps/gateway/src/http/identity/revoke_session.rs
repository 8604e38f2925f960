//! `DELETE /v1/auth/sessions/{session_id}`: one sign-in ends.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_identity::{Identity, revoke_session};
use velox_kernel::{SessionId, error_code};

use crate::http::{Caller, PathId, Problem, run_to_end};

/// Ends a session
///
/// Its tokens are refused from now on, its streams close.
#[utoipa::path(delete, path = "/v1/auth/sessions/{session_id}",
    params(("session_id" = String, Path, description = "The session.", example = "ses_01h455vb4pex5vsknk084sn02q")),
    responses((status = 204, description = "The session has ended.")))]
pub(super) async fn handle(
    caller: Caller,
    identity: Data<Identity>,
    PathId(id): PathId<SessionId>,
) -> Result<HttpResponse, Problem> {
    if run_to_end(async move { revoke_session(&identity, &caller, id).await }).await?? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Problem::of(error_code::NOT_FOUND).detail("You have no such live session."))
    }
}
