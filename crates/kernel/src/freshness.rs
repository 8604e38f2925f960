//! [`Freshness`]: how new what a list shows has to be, where copies of the store answer it.

use std::fmt;
use std::str::FromStr;

/// A place in the history of the store: whoever has seen it has seen everything before it. Opaque to clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StorePosition(u64);

/// A text that is no [`StorePosition`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a position that was given out")]
pub struct InvalidPosition;

impl StorePosition {
    /// The place of a number that grows with the history.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for StorePosition {
    /// Sixteen hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for StorePosition {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        if text.len() != 16 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(InvalidPosition);
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| InvalidPosition)
    }
}

/// How new what a list shows has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freshness {
    /// It shows everything that was done before it was asked for.
    #[default]
    Now,
    /// It shows at least everything up to here, which the reader has seen or done, and is otherwise no older than the
    /// installation allows.
    Since(StorePosition),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_read_back_and_nothing_else_does() {
        let position = StorePosition::new(0x16_b374_d848);
        assert_eq!(position.to_string(), "00000016b374d848");
        assert_eq!(position.to_string().parse(), Ok(position));
        for wrong in ["", "16b374d848", "+0000016b374d848", "00000016b374d84g", "00000016b374d8480"] {
            assert_eq!(wrong.parse::<StorePosition>(), Err(InvalidPosition), "{wrong}");
        }
    }
}
