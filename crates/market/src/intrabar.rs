//! [`IntrabarPath`]: a made-up walk through a bar, for a demo that moves within the minute.
//!
//! A bar does not say in which order its prices came. This path is one course that fits it, and everything taken from
//! it is marked synthetic. For a bar of `n` ticks, numbered 0 to `n − 1`:
//!
//! - Tick 0 is the open, tick `n − 1` the close. The two extremes stand at ticks `a < b` drawn with
//!   `1 ≤ a ≤ (n−2)/2` and `a < b ≤ n−2`. A bar that rose visits its low first, one that fell its high; one time in
//!   four (by the seed) it is the other way round.
//! - On the way to the next of these, with `r` ticks left and the price `d` away from it, the price moves by
//!   `d ÷ r` and a uniform step of up to a sixteenth of the bar's range (at least one tick size) to either side, is
//!   rounded to the tick size and held between low and high. The last step lands exactly. So the prices are on ticks
//!   but for the bar's own four, which stand as they were recorded.
//! - Tick `i` comes at `i × length ÷ n` from the open, plus up to half of that spacing, the first one exactly at the
//!   open: with `k` ticks a second every second has at least `k`.
//! - Of the `v` lots left for the `r` ticks left, a tick takes 1 to `2v÷r − 1`, so that each later one keeps at least
//!   one; when there are fewer lots than ticks, it takes one lot with probability `v ÷ r`. The last takes the rest.
//! - The side that moved the price is the aggressor. It traded at its side of a quote whose spread is one tick size,
//!   or `spread_bps` of the price where that is more.

use std::time::Duration;

use velox_kernel::{Decimal, Price, Quantity};

use crate::{Aggressor, Candle, Instrument, SeededRng};

/// How a path is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathSettings {
    /// How many ticks a bar has; at least 4.
    pub ticks: u32,
    /// The spread around each tick, in hundredths of a percent; at least one tick size.
    pub spread_bps: u16,
}

/// One step of a path: a trade and the quote it met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathTick {
    /// How long after the bar's open.
    pub after: Duration,
    /// The trade's price.
    pub price: Price,
    /// What was traded; zero where the bar has less volume than ticks.
    pub quantity: Quantity,
    /// Who crossed the spread.
    pub aggressor: Aggressor,
    /// The best bid.
    pub bid: Price,
    /// What stands at it.
    pub bid_size: Quantity,
    /// The best ask.
    pub ask: Price,
    /// What stands at it.
    pub ask_size: Quantity,
}

/// The ticks of one bar, in order. All numbers are counts of 10⁻¹².
#[derive(Clone, Debug)]
pub struct IntrabarPath {
    rng: SeededRng,
    settings: PathSettings,
    length: Duration,
    low: i128,
    high: i128,
    tick: i128,
    lot: i128,
    /// Where the path must be when, soonest first: tick number and price.
    waypoints: std::vec::IntoIter<(u32, i128)>,
    target: (u32, i128),
    index: u32,
    price: i128,
    volume: i128,
    mean_lots: u64,
}

impl IntrabarPath {
    /// The path of a bar (its volume in base units) under a seed. The same arguments give the same path.
    #[must_use]
    pub fn new(bar: &Candle, instrument: &Instrument, settings: PathSettings, seed: u64) -> Self {
        let settings = PathSettings { ticks: settings.ticks.max(4), ..settings };
        let mut rng = SeededRng::new(seed);
        let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(|price| price.decimal().units());
        let inner = settings.ticks - 2;
        let first = 1 + draw(&mut rng, inner / 2);
        let second = first + 1 + draw(&mut rng, inner - first);
        let usual = rng.below(4) != 0;
        let extremes = if (close >= open) == usual { [low, high] } else { [high, low] };
        let waypoints = vec![(first, extremes[0]), (second, extremes[1]), (settings.ticks - 1, close)];
        let lot = instrument.lot.decimal().units().max(1);
        let volume = bar.volume.decimal().units().max(0);
        let mean_lots = u64::try_from(volume / lot / i128::from(settings.ticks)).unwrap_or(u64::MAX / 16);
        Self {
            rng,
            settings,
            length: bar.timeframe.duration(),
            low,
            high,
            tick: instrument.tick.decimal().units().max(1),
            lot,
            waypoints: waypoints.into_iter(),
            target: (0, open),
            index: 0,
            price: open,
            volume,
            mean_lots: mean_lots.min(u64::MAX / 16),
        }
    }

    /// The price of the tick at `index`, which follows `self.price`.
    fn step(&mut self) -> i128 {
        let (when, price) = self.target;
        let left = i128::from(when.saturating_sub(self.index)) + 1;
        if left <= 1 {
            if let Some(next) = self.waypoints.next() {
                self.target = next;
            }
            return price;
        }
        let widest = ((self.high - self.low) / 16 / self.tick).max(1);
        let choices = u64::try_from(2 * widest + 1).unwrap_or(u64::MAX);
        let noise = i128::from(self.rng.below(choices)) - widest;
        let free = self.price + (price - self.price) / left + noise * self.tick;
        let snapped = (free + self.tick / 2).div_euclid(self.tick) * self.tick;
        snapped.clamp(self.low, self.high)
    }

    /// What the tick takes of the volume left.
    fn take_volume(&mut self) -> i128 {
        let ticks = i128::from(self.settings.ticks - self.index);
        if ticks <= 1 {
            return std::mem::take(&mut self.volume);
        }
        let lots = self.volume / self.lot;
        let taken = if lots >= ticks {
            let span = u64::try_from(2 * (lots / ticks) - 1).unwrap_or(u64::MAX);
            (1 + i128::from(self.rng.below(span))).min(lots - (ticks - 1))
        } else {
            let drawn = i128::from(self.rng.below(u64::from(self.settings.ticks - self.index)));
            i128::from(drawn < lots)
        };
        self.volume -= taken * self.lot;
        taken * self.lot
    }

    fn size(&mut self) -> Quantity {
        let lots = 1 + i128::from(self.rng.below(self.mean_lots * 4 + 16));
        Quantity::new(decimal(lots.saturating_mul(self.lot)))
    }

    fn after(&mut self) -> Duration {
        let spacing = self.length / self.settings.ticks;
        let jitter = u64::try_from(spacing.as_micros() / 2).unwrap_or_default();
        // Drawn for the first tick too, so that each tick draws alike.
        let jitter = Duration::from_micros(self.rng.below(jitter.max(1)));
        // Multiplied first: a rounded spacing, times the index, would fall short of the second that begins there.
        let place = self.length.saturating_mul(self.index) / self.settings.ticks;
        if self.index == 0 { Duration::ZERO } else { place + jitter }
    }
}

impl Iterator for IntrabarPath {
    type Item = PathTick;

    fn next(&mut self) -> Option<PathTick> {
        if self.index >= self.settings.ticks {
            return None;
        }
        let before = self.price;
        self.price = self.step();
        let quantity = self.take_volume();
        let rose = match self.price.cmp(&before) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => self.rng.below(2) == 0,
        };
        let wide = (self.price / 10_000 * i128::from(self.settings.spread_bps)) / self.tick * self.tick;
        let spread = wide.max(self.tick);
        let (aggressor, bid, ask) = if rose {
            // A price of one spread or less has no room for a bid below it.
            (Aggressor::Buyer, if self.price > spread { self.price - spread } else { self.price }, self.price)
        } else {
            (Aggressor::Seller, self.price, self.price + spread)
        };
        let after = self.after();
        let (bid_size, ask_size) = (self.size(), self.size());
        self.index += 1;
        Some(PathTick {
            after,
            price: Price::new(decimal(self.price)),
            quantity: Quantity::new(decimal(quantity)),
            aggressor,
            bid: Price::new(decimal(bid)),
            bid_size,
            ask: Price::new(decimal(ask)),
            ask_size,
        })
    }
}

/// A number from 0 to `bound` − 1, and 0 when there is no choice.
fn draw(rng: &mut SeededRng, bound: u32) -> u32 {
    u32::try_from(rng.below(u64::from(bound))).unwrap_or_default()
}

/// Units as a decimal; a price at the very end of the range stays there.
fn decimal(units: i128) -> Decimal {
    Decimal::from_units(units).unwrap_or(Decimal::MAX)
}
