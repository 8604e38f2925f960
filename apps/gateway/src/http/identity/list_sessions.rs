//! `GET /v1/auth/sessions`: where the user is signed in.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_identity::{Identity, list_sessions};

use super::session_view::SessionView;
use crate::http::{Caller, Problem};
use crate::views::PageView;

/// Lists sessions
///
/// The user's live sessions, the last used first; at most 200.
#[utoipa::path(get, path = "/v1/auth/sessions",
    responses((status = 200, description = "The sessions, on one page.", body = PageView<SessionView>)))]
pub(super) async fn handle(caller: Caller, identity: Data<Identity>) -> Result<HttpResponse, Problem> {
    let sessions = list_sessions(&identity, &caller).await?;
    let views = sessions.iter().map(|session| SessionView::seen_by(session, caller.session)).collect();
    Ok(HttpResponse::Ok().json(PageView::whole(views)))
}
