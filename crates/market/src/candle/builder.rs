//! [`CandleBuilder`]: candles from trades.

use std::collections::HashSet;

use velox_kernel::{Symbol, Timeframe, Timestamp};

use super::window::{Body, Counted, Window};
use super::{Candle, add};
use crate::Trade;

/// The most trades of one candle whose numbers are remembered. Beyond it a repeated trade is counted again.
const MOST_IDS: usize = 100_000;

/// Builds the candles of one symbol and timeframe from its trades, one by one.
///
/// Open and close are the first and last trade by time and then by number, whatever order they came in. A trade of a
/// candle that is open, or among the last `kept` ones, always counts, once: within that lateness the order of arrival
/// and repetitions change nothing about the result. A later one is told as [`Counted::TooLate`].
pub struct CandleBuilder {
    symbol: Symbol,
    window: Window<Trades>,
}

impl CandleBuilder {
    /// A builder that corrects up to `kept` closed candles.
    #[must_use]
    pub fn new(symbol: Symbol, timeframe: Timeframe, kept: u8) -> Self {
        Self { symbol, window: Window::new(timeframe, kept) }
    }

    /// Takes in a trade of the builder's symbol; candles that it closes or corrects go to `out`.
    pub fn count(&mut self, trade: &Trade, out: &mut Vec<Candle>) -> Counted {
        let (symbol, timeframe) = (self.symbol, self.window.timeframe());
        self.window.change(trade.at, out, Trades::default, |trades| trades.count(trade, symbol, timeframe))
    }

    /// Goes on with a candle that was begun elsewhere: what is counted from now on follows what it holds.
    pub fn resume(&mut self, begun: Candle, out: &mut Vec<Candle>) -> Counted {
        self.window.change(begun.open_time, out, Trades::default, |trades| {
            let fresh = trades.begun.is_none();
            trades.begun.get_or_insert(begun);
            fresh
        })
    }

    /// Tells that time has come to `now`, so that a candle closes although nothing more is traded.
    pub fn advance(&mut self, now: Timestamp, out: &mut Vec<Candle>) {
        self.window.advance(now, out);
    }

    /// The open candle.
    #[must_use]
    pub fn current(&self) -> Option<Candle> {
        self.window.current()
    }

    /// The open candle and those that may still be corrected, oldest first.
    pub fn candles(&self) -> impl Iterator<Item = Candle> {
        self.window.candles()
    }
}

/// The trades of one candle, summed up.
#[derive(Default)]
struct Trades {
    begun: Option<Candle>,
    counted: Option<Sum>,
    ids: HashSet<(Timestamp, u64)>,
}

struct Sum {
    first: (Timestamp, u64),
    last: (Timestamp, u64),
    candle: Candle,
}

impl Trades {
    /// Takes in a trade; false when it is there already.
    fn count(&mut self, trade: &Trade, symbol: Symbol, timeframe: Timeframe) -> bool {
        let key = (trade.at, trade.id);
        if self.ids.contains(&key) {
            return false;
        }
        if self.ids.len() < MOST_IDS {
            self.ids.insert(key);
        }
        let Some(sum) = &mut self.counted else {
            let candle = Candle {
                symbol,
                timeframe,
                open_time: timeframe.open_of(trade.at),
                open: trade.price,
                high: trade.price,
                low: trade.price,
                close: trade.price,
                volume: trade.quantity,
                trades: 1,
                complete: false,
                synthetic: trade.synthetic,
                gap_before: false,
            };
            self.counted = Some(Sum { first: key, last: key, candle });
            return true;
        };
        let candle = &mut sum.candle;
        if key < sum.first {
            sum.first = key;
            candle.open = trade.price;
        }
        if key >= sum.last {
            sum.last = key;
            candle.close = trade.price;
        }
        candle.high = candle.high.max(trade.price);
        candle.low = candle.low.min(trade.price);
        candle.volume = add(candle.volume, trade.quantity);
        candle.trades = candle.trades.saturating_add(1);
        candle.synthetic |= trade.synthetic;
        true
    }
}

impl Body for Trades {
    fn candle(&self) -> Option<Candle> {
        let counted = self.counted.as_ref().map(|sum| sum.candle);
        match (self.begun, counted) {
            (Some(mut begun), Some(counted)) => {
                begun.extend(&counted);
                Some(begun)
            }
            (begun, counted) => begun.or(counted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FeedCursor;

    fn trade(second: i64, id: u64, price: i32) -> Trade {
        Trade {
            symbol: "GOOG".parse().unwrap(),
            at: Timestamp::from_seconds(second),
            cursor: FeedCursor::default(),
            synthetic: false,
            id,
            price: velox_kernel::Price::new(velox_kernel::Decimal::from_int(price)),
            quantity: "2".parse().unwrap(),
            aggressor: None,
        }
    }

    fn builder() -> CandleBuilder {
        CandleBuilder::new("GOOG".parse().unwrap(), Timeframe::M1, 2)
    }

    fn prices(candle: &Candle) -> [String; 4] {
        [candle.open, candle.high, candle.low, candle.close].map(|price| price.to_string())
    }

    #[test]
    fn a_candle_closes_when_a_trade_of_the_next_one_comes() {
        let (mut builder, mut out) = (builder(), Vec::new());
        for one in [trade(0, 1, 10), trade(5, 2, 14), trade(59, 3, 9)] {
            assert_eq!(builder.count(&one, &mut out), Counted::Counted);
        }
        assert!(out.is_empty());
        assert!(!builder.current().unwrap().complete);
        builder.count(&trade(60, 4, 11), &mut out);
        assert_eq!(out.len(), 1);
        assert_eq!(prices(&out[0]), ["10", "14", "9", "9"]);
        assert!(out[0].complete && !out[0].gap_before);
        assert_eq!((out[0].volume, out[0].trades), ("6".parse().unwrap(), 3));
    }

    #[test]
    fn a_candle_closes_by_time_alone() {
        let (mut builder, mut out) = (builder(), Vec::new());
        builder.count(&trade(0, 1, 10), &mut out);
        builder.advance(Timestamp::from_seconds(59), &mut out);
        assert!(out.is_empty());
        builder.advance(Timestamp::from_seconds(60), &mut out);
        assert_eq!(out.len(), 1);
        assert_eq!(builder.current(), None);
    }

    #[test]
    fn late_trades_correct_and_later_ones_are_dropped() {
        let (mut builder, mut out) = (builder(), Vec::new());
        builder.count(&trade(30, 1, 10), &mut out);
        builder.count(&trade(150, 3, 12), &mut out);
        out.clear();
        assert_eq!(builder.count(&trade(10, 0, 8), &mut out), Counted::Counted);
        assert_eq!(prices(&out[0]), ["8", "10", "8", "10"]);
        builder.count(&trade(180, 4, 12), &mut out);
        out.clear();
        assert_eq!(builder.count(&trade(59, 2, 99), &mut out), Counted::TooLate);
        assert!(out.is_empty());
    }

    #[test]
    fn repeated_trades_count_once() {
        let (mut builder, mut out) = (builder(), Vec::new());
        builder.count(&trade(0, 1, 10), &mut out);
        assert_eq!(builder.count(&trade(0, 1, 10), &mut out), Counted::Duplicate);
        assert_eq!(builder.current().unwrap().trades, 1);
    }

    #[test]
    fn gaps_are_marked_and_unmarked_when_they_fill() {
        let (mut builder, mut out) = (builder(), Vec::new());
        builder.count(&trade(0, 1, 10), &mut out);
        builder.count(&trade(120, 3, 12), &mut out);
        assert!(builder.current().unwrap().gap_before);
        builder.count(&trade(180, 4, 12), &mut out);
        assert!(out.iter().any(|candle| candle.open_time == Timestamp::from_seconds(120) && candle.gap_before));
        out.clear();
        builder.count(&trade(70, 2, 11), &mut out);
        let filled: Vec<_> = out.iter().map(|candle| (candle.open_time.seconds(), candle.gap_before)).collect();
        assert_eq!(filled, [(60, false), (120, false)]);
    }

    #[test]
    fn a_resumed_candle_keeps_its_beginning() {
        let (mut first, mut out) = (builder(), Vec::new());
        first.count(&trade(0, 1, 10), &mut out);
        first.count(&trade(10, 2, 20), &mut out);
        let mut second = builder();
        second.resume(first.current().unwrap(), &mut out);
        second.count(&trade(20, 3, 15), &mut out);
        let candle = second.current().unwrap();
        assert_eq!(prices(&candle), ["10", "20", "10", "15"]);
        assert_eq!(candle.trades, 3);
    }
}
