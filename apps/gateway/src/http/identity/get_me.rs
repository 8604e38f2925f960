//! `GET /v1/users/me`: who the caller is.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_identity::{Identity, get_me};

use super::problems::no_user;
use super::user_view::UserView;
use crate::http::{Caller, Problem, entity_tag};

/// Shows the user
///
/// Its `ETag` stands for the profile and both kinds of settings together.
#[utoipa::path(get, path = "/v1/users/me", responses((status = 200, description = "The user.", body = UserView,
    headers(("ETag" = String, description = "The user's version.")))))]
pub(super) async fn handle(caller: Caller, identity: Data<Identity>) -> Result<HttpResponse, Problem> {
    let user = get_me(&identity, &caller).await?.ok_or_else(no_user)?;
    Ok(HttpResponse::Ok().insert_header(entity_tag(user.version)).json(UserView::from(&*user)))
}
