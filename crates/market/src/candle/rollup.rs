//! [`CandleRollup`]: long candles from short ones.

use velox_kernel::{Timeframe, Timestamp};

use super::Candle;
use super::window::{Body, Counted, Window};

/// Builds the candles of one symbol and timeframe from those of a shorter one that divides it.
///
/// A short candle told again replaces what it told before, so corrections travel upwards; told unchanged it is a
/// duplicate. The order of arrival changes nothing within the last `kept` candles.
pub struct CandleRollup {
    window: Window<Parts>,
}

impl CandleRollup {
    /// A rollup into `timeframe` that corrects up to `kept` closed candles.
    #[must_use]
    pub fn new(timeframe: Timeframe, kept: u8) -> Self {
        Self { window: Window::new(timeframe, kept) }
    }

    /// Takes in a shorter candle; candles that it closes or corrects go to `out`.
    pub fn count(&mut self, part: &Candle, out: &mut Vec<Candle>) -> Counted {
        let timeframe = self.window.timeframe();
        self.window.change(part.open_time, out, || Parts { timeframe, parts: Vec::new() }, |parts| parts.put(part))
    }

    /// Tells that time has come to `now`: gives out the candles whose time is over.
    pub fn advance(&mut self, now: Timestamp, out: &mut Vec<Candle>) {
        self.window.advance(now, out);
    }

    /// The open candle, with a shorter one in it that is still growing and was not counted yet.
    #[must_use]
    pub fn current(&self, growing: Option<Candle>) -> Option<Candle> {
        let Some(growing) = growing else {
            return self.window.current();
        };
        let timeframe = self.window.timeframe();
        let open_time = timeframe.open_of(growing.open_time);
        let mut parts = Parts { timeframe, parts: Vec::new() };
        if let Some(known) = self.window.body(open_time) {
            parts.parts.clone_from(&known.parts);
        }
        parts.put(&growing);
        let gap_before = self.window.gap_before(open_time);
        parts.candle().map(|candle| Candle { gap_before, ..candle })
    }

    /// The open candle and those that may still be corrected, oldest first.
    pub fn candles(&self) -> impl Iterator<Item = Candle> {
        self.window.candles()
    }
}

/// The short candles of a long one, by time.
struct Parts {
    timeframe: Timeframe,
    parts: Vec<Candle>,
}

impl Parts {
    /// Puts a part in its place; false when it is there already.
    fn put(&mut self, part: &Candle) -> bool {
        let index = self.parts.partition_point(|held| held.open_time < part.open_time);
        match self.parts.get_mut(index) {
            Some(held) if held.open_time == part.open_time => {
                let news = held != part;
                *held = *part;
                news
            }
            _ => {
                self.parts.insert(index, *part);
                true
            }
        }
    }
}

impl Body for Parts {
    fn candle(&self) -> Option<Candle> {
        let (first, rest) = self.parts.split_first()?;
        let mut candle = Candle {
            timeframe: self.timeframe,
            open_time: self.timeframe.open_of(first.open_time),
            complete: false,
            gap_before: false,
            ..*first
        };
        rest.iter().for_each(|part| candle.extend(part));
        Some(candle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(index: i64, prices: [i32; 4]) -> Candle {
        let [open, high, low, close] =
            prices.map(|price| velox_kernel::Price::new(velox_kernel::Decimal::from_int(price)));
        Candle {
            symbol: "GOOG".parse().unwrap(),
            timeframe: Timeframe::M1,
            open_time: Timestamp::from_seconds(index * 60),
            open,
            high,
            low,
            close,
            volume: "1".parse().unwrap(),
            trades: 1,
            complete: true,
            synthetic: false,
            gap_before: false,
        }
    }

    #[test]
    fn five_minutes_make_one_candle() {
        let (mut rollup, mut out) = (CandleRollup::new(Timeframe::M5, 2), Vec::new());
        for index in 0..5 {
            let base = i32::try_from(index).unwrap() * 10;
            rollup.count(&minute(index, [base + 1, base + 9, base, base + 5]), &mut out);
        }
        assert!(out.is_empty());
        rollup.advance(Timestamp::from_seconds(300), &mut out);
        let candle = out[0];
        let prices = [candle.open, candle.high, candle.low, candle.close].map(|price| price.to_string());
        assert_eq!(prices, ["1", "49", "0", "45"]);
        assert_eq!((candle.volume, candle.trades, candle.complete), ("5".parse().unwrap(), 5, true));
    }

    #[test]
    fn a_corrected_part_corrects_the_whole_and_a_repeated_one_does_not() {
        let (mut rollup, mut out) = (CandleRollup::new(Timeframe::M5, 2), Vec::new());
        rollup.count(&minute(0, [1, 2, 1, 2]), &mut out);
        rollup.advance(Timestamp::from_seconds(300), &mut out);
        out.clear();
        assert_eq!(rollup.count(&minute(0, [1, 2, 1, 2]), &mut out), Counted::Duplicate);
        assert!(out.is_empty());
        assert_eq!(rollup.count(&minute(0, [1, 7, 1, 2]), &mut out), Counted::Counted);
        assert_eq!(out[0].high, "7".parse().unwrap());
    }

    #[test]
    fn the_growing_minute_shows_in_the_open_candle() {
        let (mut rollup, mut out) = (CandleRollup::new(Timeframe::M5, 2), Vec::new());
        rollup.count(&minute(0, [1, 2, 1, 2]), &mut out);
        let growing = Candle { complete: false, ..minute(1, [2, 5, 2, 4]) };
        let current = rollup.current(Some(growing)).unwrap();
        assert_eq!((current.high, current.close), ("5".parse().unwrap(), "4".parse().unwrap()));
        let next = Candle { complete: false, ..minute(5, [8, 8, 8, 8]) };
        assert_eq!(rollup.current(Some(next)).unwrap().open_time, Timestamp::from_seconds(300));
    }
}
