//! [`MarketEvent`]: what a feed says: a trade, a quote or a bar.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use velox_kernel::{Price, Quantity, Symbol, Timestamp};

use crate::Candle;

/// Where in a feed an event stood.
///
/// Cursors of one feed order as its events do. Within an epoch offsets count from 1 without a hole; a new epoch
/// begins whenever that continuity ends: the feed started, lost its place or began its recording again. Both numbers
/// fit a signed 64-bit integer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FeedCursor {
    /// The unbroken stretch of the feed.
    pub epoch: u64,
    /// The event's number in it, from 1.
    pub offset: u64,
}

impl FeedCursor {
    /// The place of the next event of the same epoch.
    #[must_use]
    pub const fn next(self) -> Self {
        Self { epoch: self.epoch, offset: self.offset + 1 }
    }
}

/// A text that is no `epoch-offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not of the form 3-14159")]
pub struct InvalidFeedCursor;

impl fmt::Display for FeedCursor {
    /// `epoch-offset`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.offset)
    }
}

impl FromStr for FeedCursor {
    type Err = InvalidFeedCursor;

    fn from_str(text: &str) -> Result<Self, InvalidFeedCursor> {
        let (epoch, offset) = text.split_once('-').ok_or(InvalidFeedCursor)?;
        let read = |part: &str| part.parse().map_err(|_| InvalidFeedCursor);
        Ok(Self { epoch: read(epoch)?, offset: read(offset)? })
    }
}

/// Who crossed the spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggressor {
    /// The buyer took the ask.
    Buyer,
    /// The seller hit the bid.
    Seller,
}

/// A trade that took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// What was traded.
    pub symbol: Symbol,
    /// When, by the feed's clock.
    pub at: Timestamp,
    /// Where in the feed.
    pub cursor: FeedCursor,
    /// Whether Velox made it up, or moved it in time.
    pub synthetic: bool,
    /// Its number at the venue. The same number at the same time is the same trade, told twice.
    pub id: u64,
    /// The price of one unit.
    pub price: Price,
    /// Base units. Zero only where a synthetic path visits a price for which no volume was left.
    pub quantity: Quantity,
    /// Who crossed the spread, where the venue says so.
    pub aggressor: Option<Aggressor>,
}

/// The best bid and ask, with what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// What is quoted.
    pub symbol: Symbol,
    /// Since when, by the feed's clock.
    pub at: Timestamp,
    /// Where in the feed.
    pub cursor: FeedCursor,
    /// Whether Velox made it up, or moved it in time.
    pub synthetic: bool,
    /// The highest price somebody pays.
    pub bid: Price,
    /// Base units wanted at it.
    pub bid_size: Quantity,
    /// The lowest price somebody sells at; never below the bid.
    pub ask: Price,
    /// Base units offered at it.
    pub ask_size: Quantity,
}

/// A candle as a feed tells it, growing or complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// When it was told, by the feed's clock.
    pub at: Timestamp,
    /// Where in the feed.
    pub cursor: FeedCursor,
    /// The candle, with its symbol and whether it is synthetic.
    pub candle: Candle,
}

/// One thing a feed says.
///
/// A feed tells a symbol's course by trades or by bars, not by both: they would be counted twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MarketEvent {
    /// A trade took place.
    Trade(Trade),
    /// The best bid or ask changed.
    Quote(Quote),
    /// A candle grew or closed.
    Bar(Bar),
}

impl MarketEvent {
    /// What it is about.
    #[must_use]
    pub const fn symbol(&self) -> Symbol {
        match self {
            Self::Trade(trade) => trade.symbol,
            Self::Quote(quote) => quote.symbol,
            Self::Bar(bar) => bar.candle.symbol,
        }
    }

    /// When, by the feed's clock.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Trade(trade) => trade.at,
            Self::Quote(quote) => quote.at,
            Self::Bar(bar) => bar.at,
        }
    }

    /// Where in the feed.
    #[must_use]
    pub const fn cursor(&self) -> FeedCursor {
        match self {
            Self::Trade(trade) => trade.cursor,
            Self::Quote(quote) => quote.cursor,
            Self::Bar(bar) => bar.cursor,
        }
    }

    /// Whether Velox made it up, or moved it in time.
    #[must_use]
    pub const fn synthetic(&self) -> bool {
        match self {
            Self::Trade(trade) => trade.synthetic,
            Self::Quote(quote) => quote.synthetic,
            Self::Bar(bar) => bar.candle.synthetic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_order_by_epoch_first_and_read_back() {
        let early = FeedCursor { epoch: 1, offset: 900 };
        let late = FeedCursor { epoch: 2, offset: 1 };
        assert!(early < late && late < late.next());
        assert_eq!("2-1".parse(), Ok(late));
        assert_eq!(late.to_string(), "2-1");
        assert!("2".parse::<FeedCursor>().is_err() && "a-1".parse::<FeedCursor>().is_err());
    }
}
