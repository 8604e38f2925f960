//! [`Walk`]: the course of a made-up price, in whole tick sizes.

use velox_kernel::{Decimal, Price, Quantity};
use velox_market::{Aggressor, Instrument, SeededRng};

/// How strongly the middle draws: a price that is this many ticks away is drawn one tick a step.
const PULL: i64 = 256;
/// The largest trade and the largest size at a quote, in lots.
const MOST_LOTS: u64 = 1_000;

/// A walk that cannot be walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWalk {
    /// The start is not a positive multiple of the instrument's tick size, or is too far from zero to count in ticks.
    #[error("the start must be a positive multiple of the tick size, of less than 10^15 ticks")]
    Start,
    /// The widest step is not within its bounds.
    #[error("the widest step must be 1 to 1000000 ticks")]
    WidestStep,
}

/// One step of a walk: a quote and the trade that followed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The trade's price: the bid or the ask.
    pub price: Price,
    /// What was traded.
    pub quantity: Quantity,
    /// Who crossed the spread.
    pub aggressor: Aggressor,
    /// The best bid.
    pub bid: Price,
    /// What stands at it.
    pub bid_size: Quantity,
    /// The best ask, one tick above.
    pub ask: Price,
    /// What stands at it.
    pub ask_size: Quantity,
}

/// A random walk of the bid in ticks, drawn back to where it started, between a tenth and ten times of that.
///
/// Each step draws five numbers whatever happens, so the walk of a seed can be gone to any step:
/// `bid ← clamp(bid + uniform(−w, w) + (start − bid) ÷ 256)`, a side that trades, its lots, and the sizes of the quote.
#[derive(Clone, Debug)]
pub struct Walk {
    rng: SeededRng,
    tick: Price,
    lot: Quantity,
    start: i64,
    widest: i64,
    bid: i64,
}

impl Walk {
    /// The walk of a seed from `start`, by up to `widest_step` ticks a step.
    ///
    /// # Errors
    /// As [`InvalidWalk`] says.
    pub fn new(instrument: &Instrument, start: Price, widest_step: u32, seed: u64) -> Result<Self, InvalidWalk> {
        if instrument.check_price(start).is_err() {
            return Err(InvalidWalk::Start);
        }
        let ticks = i64::try_from(start.decimal().units() / instrument.tick.decimal().units());
        let ticks = ticks.ok().filter(|ticks| *ticks < 1_000_000_000_000_000).ok_or(InvalidWalk::Start)?;
        if !(1..=1_000_000).contains(&widest_step) {
            return Err(InvalidWalk::WidestStep);
        }
        let (tick, lot) = (instrument.tick, instrument.lot);
        Ok(Self { rng: SeededRng::new(seed), tick, lot, start: ticks, widest: i64::from(widest_step), bid: ticks })
    }

    /// Goes on by `count` steps unseen.
    pub fn skip(&mut self, count: u64) {
        for _ in 0..count {
            self.step();
        }
    }

    /// The next step.
    pub fn step(&mut self) -> Step {
        let choices = u64::try_from(2 * self.widest + 1).unwrap_or(1);
        let drawn = i64::try_from(self.rng.below(choices)).unwrap_or_default() - self.widest;
        let pull = (self.start - self.bid) / PULL;
        let lowest = (self.start / 10).max(1);
        self.bid = (self.bid + drawn + pull).clamp(lowest, self.start.saturating_mul(10));
        let buys = self.rng.below(2) == 0;
        let [quantity, bid_size, ask_size] =
            [(); 3].map(|()| 1 + self.rng.below(MOST_LOTS)).map(|lots| self.lots(lots));
        let (bid, ask) = (self.ticks(self.bid), self.ticks(self.bid + 1));
        let (price, aggressor) = if buys { (ask, Aggressor::Buyer) } else { (bid, Aggressor::Seller) };
        Step { price, quantity, aggressor, bid, bid_size, ask, ask_size }
    }

    fn ticks(&self, count: i64) -> Price {
        let units = i128::from(count) * self.tick.decimal().units();
        Price::new(Decimal::from_units(units).unwrap_or(Decimal::MAX))
    }

    fn lots(&self, count: u64) -> Quantity {
        let units = i128::from(count) * self.lot.decimal().units();
        Quantity::new(Decimal::from_units(units).unwrap_or(Decimal::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use velox_market::bundled_instruments;

    use super::*;

    fn perp() -> Instrument {
        bundled_instruments().remove(0)
    }

    proptest! {
        #[test]
        fn steps_stand_on_ticks_and_lots_within_the_bounds(seed: u64, widest in 1..10_000_u32, start in 1..100_000_i32) {
            let (perp, start) = (perp(), Price::new(Decimal::from_int(start)));
            let mut walk = Walk::new(&perp, start, widest, seed).unwrap();
            for _ in 0..200 {
                let step = walk.step();
                for price in [step.price, step.bid, step.ask] {
                    prop_assert_eq!(perp.check_price(price), Ok(()));
                }
                for quantity in [step.quantity, step.bid_size, step.ask_size] {
                    prop_assert_eq!(perp.check_quantity(quantity), Ok(()));
                }
                prop_assert!(step.ask.minus(step.bid).unwrap() == perp.tick);
                prop_assert!(step.price == step.bid || step.price == step.ask);
                let ten = Decimal::from_int(10);
                prop_assert!(step.bid.decimal() <= start.decimal().times(ten, velox_kernel::Rounding::Down).unwrap());
            }
        }

        #[test]
        fn any_step_of_a_seed_can_be_gone_to(seed: u64, count in 0..500_u64) {
            let (perp, start) = (perp(), "43000".parse().unwrap());
            let mut walked = Walk::new(&perp, start, 5, seed).unwrap();
            for _ in 0..count {
                walked.step();
            }
            let mut skipped = Walk::new(&perp, start, 5, seed).unwrap();
            skipped.skip(count);
            prop_assert_eq!(walked.step(), skipped.step());
        }
    }

    #[test]
    fn a_seed_is_one_walk_for_ever() {
        let mut walk = Walk::new(&perp(), "43000".parse().unwrap(), 5, 1).unwrap();
        let prices: Vec<_> = (0..8).map(|_| walk.step().price.to_string()).collect();
        assert_eq!(prices, GOLDEN);
    }

    /// What version 0.1 walked.
    const GOLDEN: [&str; 8] = ["43001", "43004", "43003", "42999", "42995", "42989", "42990", "42990"];

    #[test]
    fn impossible_walks_are_refused() {
        let walk = |start: &str, widest: u32| Walk::new(&perp(), start.parse().unwrap(), widest, 1).map(|_| ());
        assert_eq!(walk("0", 5), Err(InvalidWalk::Start));
        assert_eq!(walk("10.5", 5), Err(InvalidWalk::Start));
        assert_eq!(walk("9999999999999999", 5), Err(InvalidWalk::Start));
        assert_eq!(walk("10", 0), Err(InvalidWalk::WidestStep));
    }
}
