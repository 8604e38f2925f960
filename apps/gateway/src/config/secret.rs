//! Values that print nothing.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::setting::Setting;

/// The least length of a secret, in characters.
const SHORTEST: usize = 32;
/// Texts that stand in examples; whoever copies one has no secret.
const EXAMPLES: [&str; 8] = ["example", "changeme", "change-me", "change_me", "secret", "password", "your-", "xxxx"];

/// A secret from the configuration. It prints nothing, and neither an example nor a short one becomes one.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// A secret of this text.
    ///
    /// # Errors
    /// What is wrong with it; the text itself is not repeated.
    pub fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let lower = text.to_lowercase();
        if text.chars().count() < SHORTEST {
            return Err(format!("must have at least {SHORTEST} characters; `openssl rand -base64 32` makes one"));
        }
        if EXAMPLES.iter().any(|example| lower.contains(example)) {
            return Err("is an example, not a secret; `openssl rand -base64 32` makes one".to_owned());
        }
        let mut different: Vec<char> = text.chars().collect();
        different.sort_unstable();
        different.dedup();
        if different.len() < 10 {
            return Err("repeats itself; `openssl rand -base64 32` makes a secret".to_owned());
        }
        Ok(Self(SecretString::from(text)))
    }

    /// The text. For deriving keys, never for showing.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_secret() {
        for text in ["", "short", "changeme-changeme-changeme-changeme-1234", &"ab".repeat(30), &" ".repeat(60)] {
            assert!(Secret::new(text).is_err(), "{text}");
        }
        let good = Secret::new("q8Jf0x2LmZr7Tn5VbYc1Kd9WsHg4Pa6U3e");
        assert_eq!(format!("{good:?}"), "Ok([secret])");
    }
}
