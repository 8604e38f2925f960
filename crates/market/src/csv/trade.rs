//! `timestamp,trade_id,price,quantity,buyer_maker`.

use velox_kernel::{Price, Quantity, Symbol, Timestamp};

use super::{CsvProblem, CsvRow, Fields, Problem, in_order};
use crate::{Aggressor, FeedCursor, Trade};

/// A trade as a venue's file tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeRow {
    /// When.
    pub at: Timestamp,
    /// Its number at the venue.
    pub id: u64,
    /// The price of one unit.
    pub price: Price,
    /// Base units, above zero.
    pub quantity: Quantity,
    /// Whether the buyer's order stood in the book, so that the seller crossed the spread.
    pub buyer_maker: bool,
}

impl TradeRow {
    /// The trade as an event, at `at`.
    #[must_use]
    pub const fn trade(&self, symbol: Symbol, at: Timestamp, cursor: FeedCursor, synthetic: bool) -> Trade {
        let aggressor = Some(if self.buyer_maker { Aggressor::Seller } else { Aggressor::Buyer });
        Trade { symbol, at, cursor, synthetic, id: self.id, price: self.price, quantity: self.quantity, aggressor }
    }
}

impl CsvRow for TradeRow {
    const COLUMNS: &'static [&'static str] = &["timestamp", "trade_id", "price", "quantity", "buyer_maker"];

    fn read(fields: &Fields<'_>) -> Result<Self, Problem> {
        let row = Self {
            at: fields.time("timestamp")?,
            id: fields.id("trade_id")?,
            price: fields.price("price")?,
            quantity: fields.quantity("quantity")?,
            buyer_maker: fields.bool("buyer_maker")?,
        };
        if row.quantity.is_zero() { Err(("quantity", CsvProblem::NotPositive)) } else { Ok(row) }
    }

    fn follows(&self, previous: &Self) -> Result<(), Problem> {
        if self.id == previous.id {
            return Err(("trade_id", CsvProblem::Repeated));
        }
        in_order("timestamp", self.at, previous.at)
    }
}
