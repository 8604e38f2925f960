//! [`TimeframeWord`]: how long a candle is, on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use velox_kernel::Timeframe;

/// A candle's length, named as Binance names it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Timeframe)]
pub(super) enum TimeframeWord {
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

macro_rules! same {
    ($($variant:ident),*) => {
        impl From<Timeframe> for TimeframeWord {
            fn from(timeframe: Timeframe) -> Self {
                match timeframe { $(Timeframe::$variant => Self::$variant),* }
            }
        }

        impl From<TimeframeWord> for Timeframe {
            fn from(word: TimeframeWord) -> Self {
                match word { $(TimeframeWord::$variant => Self::$variant),* }
            }
        }
    };
}

same!(M1, M5, M15, M30, H1, H4, D1);
