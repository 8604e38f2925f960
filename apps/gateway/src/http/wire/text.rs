//! [`WireText`] and [`present`]: how members are read.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// A value with a text form of its own, read from a JSON string or a query parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireText<T>(pub T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for WireText<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

/// Reads a member that may be left out and may not be `null`:
/// `#[serde(default, deserialize_with = "present")]` on an `Option`.
///
/// # Errors
/// The value's own.
pub fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
