//! `timestamp,bid,bid_size,ask,ask_size`.

use velox_kernel::{Price, Quantity, Symbol, Timestamp};

use super::{CsvProblem, CsvRow, Fields, Problem, in_order};
use crate::{FeedCursor, Quote};

/// The best bid and ask as a venue's file tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuoteRow {
    /// Since when.
    pub at: Timestamp,
    /// The highest price somebody pays.
    pub bid: Price,
    /// Base units wanted at it.
    pub bid_size: Quantity,
    /// The lowest price somebody sells at.
    pub ask: Price,
    /// Base units offered at it.
    pub ask_size: Quantity,
}

impl QuoteRow {
    /// The quote as an event, at `at`.
    #[must_use]
    pub const fn quote(&self, symbol: Symbol, at: Timestamp, cursor: FeedCursor, synthetic: bool) -> Quote {
        let Self { at: _, bid, bid_size, ask, ask_size } = *self;
        Quote { symbol, at, cursor, synthetic, bid, bid_size, ask, ask_size }
    }
}

impl CsvRow for QuoteRow {
    const COLUMNS: &'static [&'static str] = &["timestamp", "bid", "bid_size", "ask", "ask_size"];

    fn read(fields: &Fields<'_>) -> Result<Self, Problem> {
        let row = Self {
            at: fields.time("timestamp")?,
            bid: fields.price("bid")?,
            bid_size: fields.quantity("bid_size")?,
            ask: fields.price("ask")?,
            ask_size: fields.quantity("ask_size")?,
        };
        if row.ask < row.bid { Err(("ask", CsvProblem::AskBelowBid)) } else { Ok(row) }
    }

    fn follows(&self, previous: &Self) -> Result<(), Problem> {
        in_order("timestamp", self.at, previous.at)
    }
}
