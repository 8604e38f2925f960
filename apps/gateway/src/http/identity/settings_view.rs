//! [`SettingsView`] and [`ThemeWord`]: how a user likes the product.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use velox_identity::{Settings, Theme};
use velox_kernel::AccountId;

/// A user's preferences.
#[derive(Serialize, ToSchema)]
#[schema(as = Settings)]
pub(super) struct SettingsView<'a> {
    /// The time zone that dates are shown in. Trading days do not follow it.
    #[schema(example = "Europe/Berlin")]
    timezone: &'a str,
    /// The language and region that numbers and dates are shown in.
    #[schema(example = "en")]
    locale: &'a str,
    /// Light or dark.
    theme: ThemeWord,
    /// The account that a screen opens with.
    #[schema(value_type = Option<String>, example = "acc_01h455vb4pex5vsknk084sn02q")]
    default_account_id: Option<AccountId>,
}

impl<'a> From<&'a Settings> for SettingsView<'a> {
    fn from(settings: &'a Settings) -> Self {
        let Settings { timezone, locale, theme, default_account } = settings;
        Self {
            timezone: timezone.as_str(),
            locale: locale.as_str(),
            theme: (*theme).into(),
            default_account_id: *default_account,
        }
    }
}

/// How the console looks.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Theme)]
pub(super) enum ThemeWord {
    /// As the device does.
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl From<Theme> for ThemeWord {
    fn from(theme: Theme) -> Self {
        match theme {
            Theme::System => Self::System,
            Theme::Light => Self::Light,
            Theme::Dark => Self::Dark,
        }
    }
}

impl From<ThemeWord> for Theme {
    fn from(theme: ThemeWord) -> Self {
        match theme {
            ThemeWord::System => Self::System,
            ThemeWord::Light => Self::Light,
            ThemeWord::Dark => Self::Dark,
        }
    }
}
