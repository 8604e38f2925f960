//! [`Recording`]: bars in memory, in as little of it as they need.

use std::time::Duration;

use velox_kernel::{Decimal, Price, Timeframe, Timestamp};
use velox_market::csv::BarRow;

/// A recording without a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the recording holds no bar")]
pub struct EmptyRecording;

/// Recorded bars of one instrument and timeframe, oldest first; at least one.
#[derive(Clone, Debug)]
pub struct Recording {
    timeframe: Timeframe,
    bars: Bars,
}

#[derive(Clone, Debug)]
enum Bars {
    /// Bars without a gap, priced in whole units.
    Compact { start: Timestamp, bars: Vec<CompactBar> },
    /// Any others.
    Rows(Vec<BarRow>),
}

/// A bar in 24 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CompactBar {
    /// Open, high, low and close in whole units of the quote currency.
    pub(crate) prices: [u32; 4],
    /// The source's volume in units of 10⁻⁴.
    pub(crate) volume: u64,
}

impl CompactBar {
    /// What a unit of `volume` is in units of [`Decimal`].
    const VOLUME_UNIT: i128 = 100_000_000;

    fn row(&self, at: Timestamp) -> BarRow {
        let [open, high, low, close] = self.prices.map(|price| Price::new(whole(price)));
        let volume = Decimal::from_units(i128::from(self.volume) * Self::VOLUME_UNIT).unwrap_or(Decimal::MAX);
        BarRow { at, open, high, low, close, volume }
    }
}

fn whole(number: u32) -> Decimal {
    Decimal::from_units(i128::from(number) * Decimal::ONE.units()).unwrap_or(Decimal::MAX)
}

impl Recording {
    /// Recorded bars, oldest first.
    ///
    /// # Errors
    /// [`EmptyRecording`] when there is none.
    pub fn new(timeframe: Timeframe, rows: Vec<BarRow>) -> Result<Self, EmptyRecording> {
        if rows.is_empty() { Err(EmptyRecording) } else { Ok(Self { timeframe, bars: Bars::Rows(rows) }) }
    }

    /// Bars that follow each other from `start` without a gap.
    pub(crate) fn compact(
        timeframe: Timeframe,
        start: Timestamp,
        bars: Vec<CompactBar>,
    ) -> Result<Self, EmptyRecording> {
        if bars.is_empty() { Err(EmptyRecording) } else { Ok(Self { timeframe, bars: Bars::Compact { start, bars } }) }
    }

    /// How long the bars are.
    #[must_use]
    pub const fn timeframe(&self) -> Timeframe {
        self.timeframe
    }

    /// How many bars there are; above zero.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> u64 {
        let length = match &self.bars {
            Bars::Compact { bars, .. } => bars.len(),
            Bars::Rows(rows) => rows.len(),
        };
        u64::try_from(length).unwrap_or(u64::MAX)
    }

    /// The bar at `index`, from 0, as it was recorded; counting begins again behind the last one.
    #[must_use]
    pub fn bar(&self, index: u64) -> BarRow {
        let index = index % self.len();
        let place = usize::try_from(index).unwrap_or_default();
        match &self.bars {
            Bars::Compact { start, bars } => {
                let after = Duration::from_secs(u64::from(self.timeframe.seconds()) * index);
                bars[place].row(start.plus(after))
            }
            Bars::Rows(rows) => rows[place],
        }
    }
}
