//! [`DisplayName`]: how a user is shown.

use std::fmt;
use std::str::FromStr;

/// The most characters a name has.
const LONGEST: usize = 80;

/// What a user or an organisation is called: 1 to 80 characters without control characters, no space around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayName(Box<str>);

/// A text that is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 80 characters, none of them a control character")]
pub struct InvalidDisplayName;

impl DisplayName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DisplayName {
    type Err = InvalidDisplayName;

    fn from_str(text: &str) -> Result<Self, InvalidDisplayName> {
        let name = text.trim();
        if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
            return Err(InvalidDisplayName);
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn is_trimmed_and_counted_in_characters() {
        assert_eq!(" Ada ".parse::<DisplayName>().unwrap().as_str(), "Ada");
        assert!("\u{e9}".repeat(80).parse::<DisplayName>().is_ok());
        for text in ["", "  ", "a\u{7}b", &"a".repeat(81)] {
            assert!(text.parse::<DisplayName>().is_err(), "{text}");
        }
    }
}
