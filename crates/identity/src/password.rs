//! [`Password`] as it was typed, [`NewPassword`] as it may be chosen, [`PasswordHash`] as it is kept.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use crate::common_passwords::is_common;
use crate::{DisplayName, Email};

/// The most bytes a password has as it was typed: 128 characters of four bytes.
const LONGEST_BYTES: usize = 512;
/// The most characters.
const LONGEST: usize = 128;
/// The fewest characters of a chosen one.
const SHORTEST: usize = 12;

/// A password as somebody typed it, in Unicode's NFKC form so that every keyboard spells it alike
/// (NIST SP 800-63B §5.1.1.2). Prints nothing; its memory is cleared.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

/// A password longer than any of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is longer than 128 characters")]
pub struct PasswordTooLong;

impl Password {
    /// Takes a text as a password.
    ///
    /// # Errors
    /// [`PasswordTooLong`] above 512 bytes: nothing longer was ever accepted, and hashing it would be work for nothing.
    pub fn new(typed: &str) -> Result<Self, PasswordTooLong> {
        if typed.len() > LONGEST_BYTES {
            return Err(PasswordTooLong);
        }
        Ok(Self(SecretString::from(typed.nfkc().collect::<String>())))
    }

    /// The text, for a hasher.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

/// A password that the policy accepts for a user.
///
/// The policy is length and rarity, without rules of composition (OWASP ASVS 5.0 §6.2, NIST SP 800-63B §5.1.1.2): 12
/// to 128 characters of any kind, not the user's own e-mail address or name, not a common one.
#[derive(Clone, Debug)]
pub struct NewPassword(Password);

/// Why a password may not be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Fewer than 12 characters.
    #[error("must have at least 12 characters")]
    TooShort,
    /// More than 128 characters.
    #[error("must have at most 128 characters")]
    TooLong,
    /// The user's own e-mail address or name.
    #[error("must not be your e-mail address or name")]
    OwnName,
    /// One that everybody tries first.
    #[error("is too common")]
    Common,
}

impl NewPassword {
    /// Checks a text against the policy.
    ///
    /// # Errors
    /// The first rule of [`WeakPassword`] that it breaks.
    pub fn new(typed: &str, email: &Email, name: &DisplayName) -> Result<Self, WeakPassword> {
        if typed.chars().count() > LONGEST {
            return Err(WeakPassword::TooLong);
        }
        let password = Password::new(typed).map_err(|PasswordTooLong| WeakPassword::TooLong)?;
        let text = password.reveal();
        if text.chars().count() < SHORTEST {
            return Err(WeakPassword::TooShort);
        }
        let folded = text.to_lowercase();
        if [email.as_str(), email.local(), &name.as_str().to_lowercase()].contains(&folded.as_str()) {
            return Err(WeakPassword::OwnName);
        }
        if is_common(&folded) { Err(WeakPassword::Common) } else { Ok(Self(password)) }
    }

    /// The password, for a hasher.
    #[must_use]
    pub const fn password(&self) -> &Password {
        &self.0
    }
}

/// What is kept of a password: the hasher's own text. Prints nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// Names a text that a [`PasswordHasher`](crate::PasswordHasher) gave out.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text, for a store or a hasher.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn choose(text: &str) -> Result<NewPassword, WeakPassword> {
        NewPassword::new(text, &"ada.lovelace@example.com".parse().unwrap(), &"Countess Lovelace".parse().unwrap())
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(choose("short-words").unwrap_err(), WeakPassword::TooShort);
        assert!(choose("short-words!").is_ok());
        let widest: String = "\u{1f600}\u{1f601}\u{1f602}\u{1f603}\u{1f604}\u{1f605}\u{1f606}\u{1f607}".repeat(16);
        assert_eq!(widest.len(), LONGEST_BYTES);
        assert_eq!(choose(&widest).unwrap_err(), WeakPassword::Common, "eight characters over and over");
        let rare: String = (0x4e00_u32..0x4e80).filter_map(char::from_u32).collect();
        assert!(choose(&rare).is_ok());
        assert_eq!(choose(&format!("{rare}x")).unwrap_err(), WeakPassword::TooLong);
    }

    #[test]
    fn own_names_and_common_ones_are_refused_in_any_case() {
        assert_eq!(choose("ADA.lovelace@example.com").unwrap_err(), WeakPassword::OwnName);
        assert_eq!(choose("ada.lovelace").unwrap_err(), WeakPassword::OwnName);
        assert_eq!(choose("countess lovelace").unwrap_err(), WeakPassword::OwnName);
        assert_eq!(choose("Password1234").unwrap_err(), WeakPassword::Common);
        assert_eq!(choose("aaaaaaaaaaaaaaaa").unwrap_err(), WeakPassword::Common);
    }

    #[test]
    fn one_password_has_one_spelling_and_no_print() {
        let composed = Password::new("caf\u{e9}").unwrap();
        let decomposed = Password::new("cafe\u{301}").unwrap();
        assert_eq!(composed.reveal(), decomposed.reveal());
        assert!(!format!("{composed:?}").contains("caf"));
        assert!(!format!("{:?}", PasswordHash::new("$2b$04$x")).contains("2b"));
    }
}
