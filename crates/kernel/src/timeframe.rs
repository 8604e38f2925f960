//! [`Timeframe`]: how long a candle is.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A candle's length, named as Binance names it. All open on multiples of their length since the epoch, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Timeframe {
    /// One minute.
    #[serde(rename = "1m")]
    M1,
    /// Five minutes.
    #[serde(rename = "5m")]
    M5,
    /// Fifteen minutes.
    #[serde(rename = "15m")]
    M15,
    /// Thirty minutes.
    #[serde(rename = "30m")]
    M30,
    /// One hour.
    #[serde(rename = "1h")]
    H1,
    /// Four hours.
    #[serde(rename = "4h")]
    H4,
    /// One day.
    #[serde(rename = "1d")]
    D1,
}

/// A word that names no timeframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not one of 1m, 5m, 15m, 30m, 1h, 4h, 1d")]
pub struct UnknownTimeframe;

impl Timeframe {
    /// All of them, shortest first.
    pub const ALL: [Self; 7] = [Self::M1, Self::M5, Self::M15, Self::M30, Self::H1, Self::H4, Self::D1];

    /// The length in seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        match self {
            Self::M1 => 60,
            Self::M5 => 300,
            Self::M15 => 900,
            Self::M30 => 1_800,
            Self::H1 => 3_600,
            Self::H4 => 14_400,
            Self::D1 => 86_400,
        }
    }

    /// The length.
    #[must_use]
    pub const fn duration(self) -> Duration {
        #[expect(clippy::as_conversions, reason = "u32 to u64 widens; `From` is not const")]
        Duration::from_secs(self.seconds() as u64)
    }

    /// When the candle that holds `time` opened.
    #[must_use]
    pub fn open_of(self, time: Timestamp) -> Timestamp {
        let length = i64::from(self.seconds()) * 1_000_000;
        Timestamp::from_micros(time.micros().div_euclid(length) * length)
    }

    /// When the candle after the one that holds `time` opens.
    #[must_use]
    pub fn next_open(self, time: Timestamp) -> Timestamp {
        self.open_of(time).plus(self.duration())
    }

    /// The name, such as `15m`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::M1 => "1m",
            Self::M5 => "5m",
            Self::M15 => "15m",
            Self::M30 => "30m",
            Self::H1 => "1h",
            Self::H4 => "4h",
            Self::D1 => "1d",
        }
    }
}

impl fmt::Display for Timeframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Timeframe {
    type Err = UnknownTimeframe;

    fn from_str(text: &str) -> Result<Self, UnknownTimeframe> {
        Self::ALL.into_iter().find(|timeframe| timeframe.as_str() == text).ok_or(UnknownTimeframe)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn opens_on_multiples_of_its_length() {
        let time: Timestamp = "2022-01-01T13:47:12.5Z".parse().unwrap();
        assert_eq!(Timeframe::M15.open_of(time).to_string(), "2022-01-01T13:45:00Z");
        assert_eq!(Timeframe::H4.open_of(time).to_string(), "2022-01-01T12:00:00Z");
        assert_eq!(Timeframe::D1.next_open(time).to_string(), "2022-01-02T00:00:00Z");
        assert_eq!("4h".parse::<Timeframe>().unwrap(), Timeframe::H4);
        assert!("2h".parse::<Timeframe>().is_err());
    }
}
