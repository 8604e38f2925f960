//! `timestamp,open,high,low,close,volume`.

use velox_kernel::{Decimal, Price, Timeframe, Timestamp};

use super::{CsvProblem, CsvRow, Fields, Problem, in_order};
use crate::{Candle, Instrument};

/// A bar as a source tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarRow {
    /// When it opened.
    pub at: Timestamp,
    /// The first price.
    pub open: Price,
    /// The highest price.
    pub high: Price,
    /// The lowest price.
    pub low: Price,
    /// The last price.
    pub close: Price,
    /// What was traded, in the instrument's volume unit.
    pub volume: Decimal,
}

impl BarRow {
    /// The bar as a candle: complete, its volume in base units where it says sizes.
    #[must_use]
    pub fn candle(&self, instrument: &Instrument, timeframe: Timeframe) -> Candle {
        Candle {
            symbol: instrument.symbol,
            timeframe,
            open_time: self.at,
            open: self.open,
            high: self.high,
            low: self.low,
            close: self.close,
            volume: instrument.candle_volume(self.volume, self.high, self.low, self.close),
            trades: 0,
            complete: true,
            synthetic: false,
            gap_before: false,
        }
    }

    /// Whether its four prices fit each other.
    ///
    /// # Errors
    /// The column that does not fit.
    pub fn check(&self) -> Result<(), Problem> {
        if self.high < self.open.max(self.low).max(self.close) {
            return Err(("high", CsvProblem::HighTooLow));
        }
        if self.low > self.open.min(self.close) {
            return Err(("low", CsvProblem::LowTooHigh));
        }
        Ok(())
    }
}

impl CsvRow for BarRow {
    const COLUMNS: &'static [&'static str] = &["timestamp", "open", "high", "low", "close", "volume"];

    fn read(fields: &Fields<'_>) -> Result<Self, Problem> {
        let row = Self {
            at: fields.time("timestamp")?,
            open: fields.price("open")?,
            high: fields.price("high")?,
            low: fields.price("low")?,
            close: fields.price("close")?,
            volume: fields.amount("volume")?,
        };
        row.check()?;
        Ok(row)
    }

    fn follows(&self, previous: &Self) -> Result<(), Problem> {
        if self.at == previous.at {
            return Err(("timestamp", CsvProblem::Repeated));
        }
        in_order("timestamp", self.at, previous.at)
    }
}
