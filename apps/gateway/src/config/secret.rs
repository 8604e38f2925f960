//! Values that print nothing.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::setting::Setting;

/// Where the database is; the password inside is not printed.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// In `data.dir`.
    Embedded,
    /// A PostgreSQL server.
    Postgres(SecretString),
}

impl Setting for DatabaseUrl {
    const JSON_TYPE: &'static str = "string";
    const SECRET: bool = true;

    fn read(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            None if text.is_empty() => Ok(Self::Embedded),
            Some(("postgres" | "postgresql", rest)) if !rest.is_empty() => Ok(Self::Postgres(SecretString::from(text))),
            _ => Err("must be empty or of the form postgres://user:password@host/name".to_owned()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::Postgres(_) => "postgres://[secret]",
        })
    }
}

/// Where Redis is; the password inside is not printed.
#[derive(Clone)]
pub struct RedisUrl(SecretString);

impl ExposeSecret<str> for RedisUrl {
    fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Setting for Option<RedisUrl> {
    const JSON_TYPE: &'static str = "string";
    const SECRET: bool = true;

    fn read(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            None if text.is_empty() => Ok(None),
            Some(("redis" | "rediss", rest)) if !rest.is_empty() => Ok(Some(RedisUrl(SecretString::from(text)))),
            _ => Err("must be empty or of the form redis://user:password@host:6379/0".to_owned()),
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redis://[secret]")
    }
}

/// A password; it is not printed.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// The password.
    #[must_use]
    pub const fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl Setting for Password {
    const JSON_TYPE: &'static str = "string";
    const SECRET: bool = true;

    fn read(text: &str) -> Result<Self, String> {
        Ok(Self(SecretString::from(text)))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
