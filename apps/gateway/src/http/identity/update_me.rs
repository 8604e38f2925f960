//! `PATCH /v1/users/me`: changes the profile.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use velox_identity::{DisplayName, Identity, UpdateMe, update_me};

use super::problems::unchanged;
use super::user_view::UserView;
use crate::http::wire::{WireText, present};
use crate::http::{Caller, IfMatch, Problem, StrictJson, entity_tag, run_to_end};

/// What to change; a member that is left out stays as it is.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(example = json!({"display_name": "Ada King"}))]
pub(super) struct UpdateMeBody {
    /// How to be shown: 1 to 80 characters.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 80,
            pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$")]
    display_name: Option<WireText<DisplayName>>,
}

/// Changes the user
///
/// With `If-Match`, only when nobody changed them since.
#[utoipa::path(patch, path = "/v1/users/me", request_body = UpdateMeBody,
    params(("If-Match" = Option<String>, Header, pattern = r#"^(\*|"[0-9]{1,19}")$"#,
        description = "The version that the change was made on.")),
    responses(
        (status = 200, description = "The user as they are now.", body = UserView,
            headers(("ETag" = String, description = "The user's version."))),
        (status = 412, description = "The user is at another version.")))]
pub(super) async fn handle(
    caller: Caller,
    identity: Data<Identity>,
    on: IfMatch,
    StrictJson(body): StrictJson<UpdateMeBody>,
) -> Result<HttpResponse, Problem> {
    let command = UpdateMe { display_name: body.display_name.map(|name| name.0), expected_version: on.0 };
    let user = run_to_end(async move { update_me(&identity, &caller, command).await }).await?;
    let user = user.map_err(|error| unchanged(error, on))?;
    Ok(HttpResponse::Ok().insert_header(entity_tag(user.version)).json(UserView::from(&user)))
}
