//! Tokens: [`Claims`] of an access token, [`RefreshToken`], and the [`Tokens`] a client gets.

use secrecy::{ExposeSecret, SecretString};
use velox_kernel::{OrgId, SessionId, Timestamp, UserId};

/// The longest text looked at as a token, in bytes.
pub(crate) const LONGEST_TOKEN: usize = 1_024;

/// What an access token says. The role is not in it: it is read from the session's standing on every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Who.
    pub user: UserId,
    /// The tenant.
    pub org: OrgId,
    /// The sign-in it belongs to.
    pub session: SessionId,
    /// The user's session version when it was given out.
    pub session_version: u64,
    /// When it was given out.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// An access token's text. Prints nothing.
#[derive(Clone, Debug)]
pub struct AccessToken(SecretString);

impl AccessToken {
    /// Names a text that a [`TokenSigner`](crate::TokenSigner) gave out.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The text, for the client.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

/// An opaque refresh token: a random text that only its owner has. Prints nothing.
#[derive(Clone, Debug)]
pub struct RefreshToken(SecretString);

impl RefreshToken {
    /// Names a text, from a generator or from a client.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text, for the client or a digest.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

/// What a client works with after signing in.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The sign-in that they belong to.
    pub session: SessionId,
    /// Goes with every request.
    pub access: AccessToken,
    /// When the access token ends.
    pub access_expires_at: Timestamp,
    /// Buys the next pair, once.
    pub refresh: RefreshToken,
    /// When the refresh token ends.
    pub refresh_expires_at: Timestamp,
}

/// A password made by the machine, to be shown once. Prints nothing.
#[derive(Debug)]
pub struct GeneratedPassword(SecretString);

impl GeneratedPassword {
    /// Names a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The text, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}
