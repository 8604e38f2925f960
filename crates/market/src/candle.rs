//! [`Candle`]: what an instrument did within one timeframe.

mod builder;
mod rollup;
mod window;

use serde::{Deserialize, Serialize};
use velox_kernel::{Decimal, Price, Quantity, Symbol, Timeframe, Timestamp};

pub use builder::CandleBuilder;
pub use rollup::CandleRollup;
pub use window::Counted;

/// Open, high, low, close and volume of one instrument over one timeframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candle {
    /// What was traded.
    pub symbol: Symbol,
    /// How long the candle is.
    pub timeframe: Timeframe,
    /// When it opened: a multiple of its length since the epoch, in UTC.
    pub open_time: Timestamp,
    /// The first price.
    pub open: Price,
    /// The highest price.
    pub high: Price,
    /// The lowest price.
    pub low: Price,
    /// The last price.
    pub close: Price,
    /// What was traded: base units, or a tick count where the instrument's volume unit says so.
    pub volume: Quantity,
    /// How many trades; zero where the source does not say.
    pub trades: u64,
    /// Whether its time is over. Late data may still correct it.
    pub complete: bool,
    /// Whether any of it was made up, or moved in time.
    pub synthetic: bool,
    /// Whether the candle just before it is missing while an earlier one exists.
    pub gap_before: bool,
}

impl Candle {
    /// When its time is over: the moment the next one opens.
    #[must_use]
    pub fn close_time(&self) -> Timestamp {
        self.open_time.plus(self.timeframe.duration())
    }

    /// Takes in a candle that follows within the same time.
    pub(crate) fn extend(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume = add(self.volume, later.volume);
        self.trades = self.trades.saturating_add(later.trades);
        self.synthetic |= later.synthetic;
    }
}

/// The sum of two volumes. One that no longer fits stays at the largest: it only ever bounds.
pub(crate) fn add(a: Quantity, b: Quantity) -> Quantity {
    a.plus(b).unwrap_or(Quantity::new(Decimal::MAX))
}
