//! [`CandleView`]: what an instrument did within one timeframe.

use serde::Serialize;
use utoipa::ToSchema;
use velox_kernel::Timestamp;
use velox_market::Candle;

use crate::http::wire::{WireNumber, WirePrice, WireQuantity};

/// A candle.
#[derive(Serialize, ToSchema)]
#[schema(as = Candle)]
pub(super) struct CandleView {
    /// When it opened.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:00Z")]
    open_time: Timestamp,
    /// When its time is over: the moment the next one opens.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:01:00Z")]
    close_time: Timestamp,
    /// The first price.
    open: WirePrice,
    /// The highest price.
    high: WirePrice,
    /// The lowest price.
    low: WirePrice,
    /// The last price.
    close: WirePrice,
    /// What was traded: units, or a count of ticks where the instrument's `volume_unit` says so.
    volume: WireQuantity,
    /// How many trades; zero where the source does not say.
    #[schema(example = 42)]
    trades: u64,
    /// Whether its time is over.
    #[schema(example = true)]
    complete: bool,
    /// Whether Velox made any of it up, or moved it in time.
    #[schema(example = false)]
    synthetic: bool,
    /// Whether the candle just before it is missing.
    #[schema(example = false)]
    gap_before: bool,
}

impl From<&Candle> for CandleView {
    fn from(candle: &Candle) -> Self {
        Self {
            open_time: candle.open_time,
            close_time: candle.close_time(),
            open: WireNumber(candle.open),
            high: WireNumber(candle.high),
            low: WireNumber(candle.low),
            close: WireNumber(candle.close),
            volume: WireNumber(candle.volume),
            trades: candle.trades,
            complete: candle.complete,
            synthetic: candle.synthetic,
            gap_before: candle.gap_before,
        }
    }
}
