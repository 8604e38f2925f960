//! `GET /v1/users/me/settings`: how the user likes the product.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_identity::{Identity, get_me};

use super::problems::no_user;
use super::settings_view::SettingsView;
use crate::http::{Caller, Problem, entity_tag};

/// Shows the settings
#[utoipa::path(get, path = "/v1/users/me/settings",
    responses((status = 200, description = "The settings.", body = SettingsView,
        headers(("ETag" = String, description = "The user's version.")))))]
pub(super) async fn handle(caller: Caller, identity: Data<Identity>) -> Result<HttpResponse, Problem> {
    let user = get_me(&identity, &caller).await?.ok_or_else(no_user)?;
    Ok(HttpResponse::Ok().insert_header(entity_tag(user.version)).json(SettingsView::from(&user.settings)))
}
