//! `update_settings`: the actor changes how they like the product.

use velox_kernel::{AccountId, Actor};

use crate::change_user::change_user;
use crate::{ChangeUserError, Identity, Locale, Theme, Timezone, User};

/// What to change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct UpdateSettings {
    /// The time zone.
    pub timezone: Option<Timezone>,
    /// The language.
    pub locale: Option<Locale>,
    /// Light or dark.
    pub theme: Option<Theme>,
    /// The account that a screen opens with; `Some(None)` clears it. It is a preference: whether the actor may see the
    /// account is decided where it is opened.
    pub default_account: Option<Option<AccountId>>,
    /// The version the change was made on; any when `None`.
    pub expected_version: Option<u64>,
}

/// Changes the actor's settings and gives the user as it is then.
///
/// # Errors
/// See [`ChangeUserError`].
pub async fn update_settings(
    identity: &Identity,
    actor: &Actor,
    command: UpdateSettings,
) -> Result<User, ChangeUserError> {
    let UpdateSettings { timezone, locale, theme, default_account, expected_version } = command;
    change_user(identity, actor, expected_version, |user| {
        let settings = &mut user.settings;
        if let Some(timezone) = &timezone {
            settings.timezone = timezone.clone();
        }
        if let Some(locale) = &locale {
            settings.locale = locale.clone();
        }
        if let Some(theme) = theme {
            settings.theme = theme;
        }
        if let Some(account) = default_account {
            settings.default_account = account;
        }
    })
    .await
}
