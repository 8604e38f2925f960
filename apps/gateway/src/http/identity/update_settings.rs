//! `PUT /v1/users/me/settings`: sets how the user likes the product.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use velox_identity::{Identity, Locale, Timezone, UpdateSettings, update_settings};
use velox_kernel::AccountId;

use super::problems::unchanged;
use super::settings_view::{SettingsView, ThemeWord};
use crate::http::{Caller, IfMatch, Problem, StrictJson, entity_tag, run_to_end};

/// All settings.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(example = json!({"timezone": "Europe/Berlin", "locale": "en", "theme": "dark"}))]
pub(super) struct SettingsBody {
    /// The time zone that dates are shown in, by its name in the IANA database.
    #[schema(value_type = String, max_length = 64, pattern = "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$")]
    timezone: Timezone,
    /// A language tag (BCP 47).
    #[schema(value_type = String, max_length = 35, pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
    locale: Locale,
    /// Light or dark.
    theme: ThemeWord,
    /// The account that a screen opens with; none when it is left out.
    #[schema(value_type = Option<String>, example = "acc_01h455vb4pex5vsknk084sn02q",
            pattern = "^acc_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    default_account_id: Option<AccountId>,
}

impl SettingsBody {
    fn command(self, on: IfMatch) -> UpdateSettings {
        let Self { timezone, locale, theme, default_account_id } = self;
        UpdateSettings {
            timezone: Some(timezone),
            locale: Some(locale),
            theme: Some(theme.into()),
            default_account: Some(default_account_id),
            expected_version: on.0,
        }
    }
}

/// Sets the settings
///
/// All of them at once. With `If-Match`, only when nobody changed the user since.
#[utoipa::path(put, path = "/v1/users/me/settings", request_body = SettingsBody,
    params(("If-Match" = Option<String>, Header, pattern = r#"^(\*|"[0-9]{1,19}")$"#,
        description = "The version that the change was made on.")),
    responses(
        (status = 200, description = "The settings as they are now.", body = SettingsView,
            headers(("ETag" = String, description = "The user's version."))),
        (status = 412, description = "The user is at another version.")))]
pub(super) async fn handle(
    caller: Caller,
    identity: Data<Identity>,
    on: IfMatch,
    StrictJson(body): StrictJson<SettingsBody>,
) -> Result<HttpResponse, Problem> {
    let command = body.command(on);
    let user = run_to_end(async move { update_settings(&identity, &caller, command).await }).await?;
    let user = user.map_err(|error| unchanged(error, on))?;
    Ok(HttpResponse::Ok().insert_header(entity_tag(user.version)).json(SettingsView::from(&user.settings)))
}
