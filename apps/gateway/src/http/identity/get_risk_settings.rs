//! `GET /v1/users/me/risk-settings`: the user's own limits.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_identity::{Identity, get_me};

use super::problems::no_user;
use super::risk_settings_view::RiskSettingsView;
use crate::http::{Caller, Problem, entity_tag};

/// Shows the risk settings
#[utoipa::path(get, path = "/v1/users/me/risk-settings",
    responses((status = 200, description = "The limits.", body = RiskSettingsView,
        headers(("ETag" = String, description = "The user's version.")))))]
pub(super) async fn handle(caller: Caller, identity: Data<Identity>) -> Result<HttpResponse, Problem> {
    let user = get_me(&identity, &caller).await?.ok_or_else(no_user)?;
    Ok(HttpResponse::Ok().insert_header(entity_tag(user.version)).json(RiskSettingsView::from(&user.risk_settings)))
}
