//! [`Settings`]: how a user likes the product.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use velox_kernel::AccountId;

/// A user's preferences. Kept as one JSON value; a field that an older row lacks takes its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The time zone that dates are shown in. Trading days do not follow it.
    pub timezone: Timezone,
    /// The language and region that numbers and dates are shown in.
    pub locale: Locale,
    /// Light or dark.
    pub theme: Theme,
    /// The account that a screen opens with.
    pub default_account: Option<AccountId>,
}

/// How the console looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the device does.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// A text that does not have the form it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub struct InvalidSetting(&'static str);

macro_rules! setting {
    ($(#[$doc:meta])* $name:ident, $usual:literal, $form:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self($usual.into())
            }
        }

        impl FromStr for $name {
            type Err = InvalidSetting;

            fn from_str(text: &str) -> Result<Self, InvalidSetting> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.into())) } else { Err(InvalidSetting($form)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidSetting;

            fn try_from(text: String) -> Result<Self, InvalidSetting> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

setting! {
    /// A time zone by its name in the IANA database, such as `Europe/Berlin`. Only the form is checked: the client's
    /// copy of the database may know zones that ours does not.
    Timezone, "UTC", "a time zone such as UTC or Europe/Berlin", |text| {
        text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.split('/').all(|part| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b))
            })
    }
}
setting! {
    /// A language tag (BCP 47), such as `en` or `de-AT`. Only the form is checked.
    Locale, "en", "a language tag such as en or de-AT", |text| {
        text.len() <= 35
            && text.split('-').next().is_some_and(|language| {
                (2..=8).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_alphabetic())
            })
            && text.split('-').all(|part| {
                (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
            })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn forms_are_checked_on_reading_too() {
        for text in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+3"] {
            assert_eq!(text.parse::<Timezone>().unwrap().as_str(), text);
        }
        for text in ["", "/", "Europe/", "Europe Berlin", "<b>", "+3"] {
            assert!(text.parse::<Timezone>().is_err(), "{text}");
        }
        for text in ["en", "de-AT", "zh-Hant-TW"] {
            assert_eq!(text.parse::<Locale>().unwrap().as_str(), text);
        }
        for text in ["", "e", "en_US", "en-", "1a"] {
            assert!(text.parse::<Locale>().is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Settings>(r#"{"timezone":"a b"}"#).is_err());
    }

    #[test]
    fn older_rows_take_defaults() {
        let settings: Settings = serde_json::from_str(r#"{"theme":"dark"}"#).unwrap();
        assert_eq!(settings, Settings { theme: Theme::Dark, ..Settings::default() });
    }
}
