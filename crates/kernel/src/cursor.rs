//! [`Cursor`]: where a page ended, opaque to clients.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The longest text read as a cursor.
const LONGEST: usize = 512;
/// The longest text read as a stream's cursor.
const LONGEST_OF_A_STREAM: usize = 16 * 1024;

/// A position in a list: the sort key of the last item shown, as the list's own words joined by `|`.
///
/// Clients see base64url and send it back unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

/// A text that no list of ours gave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor that this list gave out")]
pub struct InvalidCursor;

impl Cursor {
    /// A cursor over the given sort key.
    #[must_use]
    pub fn new(key: impl fmt::Display) -> Self {
        Self(key.to_string())
    }

    /// The sort key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0
    }

    /// Reads a cursor of a stream over many logs, which may be as long as a header: at most 16 KiB.
    ///
    /// # Errors
    /// [`InvalidCursor`] when it is none.
    pub fn parse_long(text: &str) -> Result<Self, InvalidCursor> {
        if text.is_empty() || text.len() > LONGEST_OF_A_STREAM {
            return Err(InvalidCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        String::from_utf8(bytes).map(Self).map_err(|_| InvalidCursor)
    }

    /// Reads the whole key as a `T`.
    ///
    /// # Errors
    /// [`InvalidCursor`] when it is none.
    pub fn parse<T: FromStr>(&self) -> Result<T, InvalidCursor> {
        self.0.parse().map_err(|_| InvalidCursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        if text.len() > LONGEST {
            return Err(InvalidCursor);
        }
        Self::parse_long(text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn round_trips_and_refuses_noise() {
        let cursor = Cursor::new(17_u64);
        assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        assert_eq!(cursor.parse::<u64>().unwrap(), 17);
        assert!("!".parse::<Cursor>().is_err());
        assert!(Cursor::new("x").parse::<u64>().is_err());
    }
}
