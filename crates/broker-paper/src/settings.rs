//! [`PaperConfig`] and [`PaperInstrument`]: how a book fills, and in which steps.

use std::time::Duration;

use velox_kernel::{Decimal, Price, Quantity};

/// When a trade fills an order that rests at its price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimitFill {
    /// A trade at the limit or beyond it: the order is taken to stand first in its queue.
    #[default]
    Touch,
    /// Only a trade beyond the limit: the order is taken to stand last in its queue.
    Through,
}

/// How the book of one account fills. A basis point (bps) is a hundredth of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaperConfig {
    /// The fee of a fill that rested, in bps of its value: 0 to 1,000.
    pub maker_fee_bps: Decimal,
    /// The fee of a fill that took what was there, in bps of its value: 0 to 1,000.
    pub taker_fee_bps: Decimal,
    /// How much worse than the market a market or stop order is filled, in bps: 0 to 1,000.
    pub slippage_bps: Decimal,
    /// How long an order is on its way, in market time. A cancel arrives at once.
    pub latency: Duration,
    /// The part of a tick's volume that this account may have: above 0, at most 1.
    pub participation: Decimal,
    /// When a trade fills an order that rests at its price.
    pub limit_fill: LimitFill,
    /// How many ended orders are remembered, so that handing one over again changes nothing.
    pub remembered: usize,
}

impl Default for PaperConfig {
    /// No fees, no slippage, no latency, all of the volume, filled by touch, 1,024 ended orders remembered.
    fn default() -> Self {
        Self {
            maker_fee_bps: Decimal::ZERO,
            taker_fee_bps: Decimal::ZERO,
            slippage_bps: Decimal::ZERO,
            latency: Duration::ZERO,
            participation: Decimal::ONE,
            limit_fill: LimitFill::Touch,
            remembered: 1_024,
        }
    }
}

/// A value of a [`PaperConfig`] outside its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct InvalidPaperConfig {
    /// The field's name.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl PaperConfig {
    /// Checks every bound.
    ///
    /// # Errors
    /// [`InvalidPaperConfig`] names the first field outside its bounds.
    pub fn checked(self) -> Result<Self, InvalidPaperConfig> {
        let bps = Decimal::ZERO..=Decimal::from_int(1_000);
        for (field, value) in [
            ("maker_fee_bps", self.maker_fee_bps),
            ("taker_fee_bps", self.taker_fee_bps),
            ("slippage_bps", self.slippage_bps),
        ] {
            if !bps.contains(&value) {
                return Err(InvalidPaperConfig { field, problem: "must be between 0 and 1000 basis points" });
            }
        }
        if !self.participation.is_positive() || self.participation > Decimal::ONE {
            return Err(InvalidPaperConfig { field: "participation", problem: "must be above 0 and at most 1" });
        }
        Ok(self)
    }
}

/// What the book must know of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaperInstrument {
    /// The step of prices; zero means any price.
    pub tick: Price,
    /// The step of quantities; zero means any quantity.
    pub lot: Quantity,
    /// Whether volumes are sizes that were traded. Where they count price changes, they bound no fill.
    pub volume_bounds: bool,
}

impl Default for PaperInstrument {
    /// Any price, any quantity, volumes bound fills.
    fn default() -> Self {
        Self { tick: Price::ZERO, lot: Quantity::ZERO, volume_bounds: true }
    }
}

impl From<&velox_market::Instrument> for PaperInstrument {
    fn from(instrument: &velox_market::Instrument) -> Self {
        Self { tick: instrument.tick, lot: instrument.lot, volume_bounds: instrument.volume_is_real() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_named() {
        let usual = PaperConfig::default();
        assert_eq!(usual.checked(), Ok(usual));
        let field = |config: PaperConfig| config.checked().unwrap_err().field;
        assert_eq!(field(PaperConfig { slippage_bps: Decimal::from_int(1_001), ..usual }), "slippage_bps");
        assert_eq!(field(PaperConfig { maker_fee_bps: Decimal::from_int(-1), ..usual }), "maker_fee_bps");
        assert_eq!(field(PaperConfig { participation: Decimal::ZERO, ..usual }), "participation");
        assert_eq!(field(PaperConfig { participation: Decimal::from_int(2), ..usual }), "participation");
    }
}
