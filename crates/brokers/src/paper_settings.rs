//! [`PaperSettings`]: how the paper broker plays.

use serde::{Deserialize, Serialize};
use velox_kernel::{Currency, Decimal, Money};

/// How a paper connection is set up. A basis point (bps) is a hundredth of a percent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaperSettings {
    /// The cash that its account starts with. Cannot be changed later: the ledger has begun.
    pub starting_cash: Money,
    /// The currency of that cash. Cannot be changed later.
    pub currency: Currency,
    /// Buying power as a multiple of equity: 1 to 100.
    pub leverage: Decimal,
    /// Whether positions may be short.
    pub allow_short: bool,
    /// The fee of an order that waited in the book, in bps of its value: 0 to 1,000.
    pub maker_fee_bps: Decimal,
    /// The fee of an order that was filled at once, in bps of its value: 0 to 1,000.
    pub taker_fee_bps: Decimal,
    /// How much worse than the market a market order is filled, in bps: 0 to 1,000.
    pub slippage_bps: Decimal,
    /// How long an order is on its way, in milliseconds of market time: 0 to 60,000.
    pub latency_ms: u32,
}

/// A setting that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct InvalidPaperSettings {
    /// The field's name.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl PaperSettings {
    /// The settings of a connection that names none: 100,000 of `currency`, no leverage, no shorts, no fees, no
    /// slippage.
    #[must_use]
    pub fn usual(currency: Currency) -> Self {
        Self {
            starting_cash: Money::new(Decimal::from_int(100_000)),
            currency,
            leverage: Decimal::ONE,
            allow_short: false,
            maker_fee_bps: Decimal::ZERO,
            taker_fee_bps: Decimal::ZERO,
            slippage_bps: Decimal::ZERO,
            latency_ms: 0,
        }
    }

    /// Checks every bound.
    ///
    /// # Errors
    /// [`InvalidPaperSettings`] names the first field outside its bounds.
    pub fn checked(self) -> Result<Self, InvalidPaperSettings> {
        let within = |field, value: Decimal, lowest: i32, highest: i32, problem| {
            let inside = (Decimal::from_int(lowest)..=Decimal::from_int(highest)).contains(&value);
            if inside { Ok(()) } else { Err(InvalidPaperSettings { field, problem }) }
        };
        let of_bps = "must be between 0 and 1000 basis points";
        within("starting_cash", self.starting_cash.decimal(), 1, 1_000_000_000, "must be between 1 and 1000000000")?;
        within("leverage", self.leverage, 1, 100, "must be between 1 and 100")?;
        within("maker_fee_bps", self.maker_fee_bps, 0, 1_000, of_bps)?;
        within("taker_fee_bps", self.taker_fee_bps, 0, 1_000, of_bps)?;
        within("slippage_bps", self.slippage_bps, 0, 1_000, of_bps)?;
        if self.latency_ms > 60_000 {
            return Err(InvalidPaperSettings { field: "latency_ms", problem: "must be at most 60000 milliseconds" });
        }
        Ok(self)
    }

    /// Checks that what the ledger began with stays as it was.
    ///
    /// # Errors
    /// [`InvalidPaperSettings`] names the field that may not change.
    pub fn replacing(self, before: &Self) -> Result<Self, InvalidPaperSettings> {
        let problem = "cannot be changed once the account is open";
        if self.starting_cash != before.starting_cash {
            return Err(InvalidPaperSettings { field: "starting_cash", problem });
        }
        if self.currency != before.currency {
            return Err(InvalidPaperSettings { field: "currency", problem });
        }
        self.checked()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn usual() -> PaperSettings {
        PaperSettings::usual("USD".parse().unwrap())
    }

    #[test]
    fn bounds_are_inclusive() {
        assert!(usual().checked().is_ok());
        let most = Decimal::from_int(1_000);
        let edge = PaperSettings { maker_fee_bps: most, taker_fee_bps: most, latency_ms: 60_000, ..usual() };
        assert!(edge.checked().is_ok());
        let field = |settings: PaperSettings| settings.checked().unwrap_err().field;
        assert_eq!(field(PaperSettings { starting_cash: Money::ZERO, ..usual() }), "starting_cash");
        assert_eq!(field(PaperSettings { leverage: "0.5".parse().unwrap(), ..usual() }), "leverage");
        assert_eq!(field(PaperSettings { slippage_bps: "1000.01".parse().unwrap(), ..usual() }), "slippage_bps");
        assert_eq!(field(PaperSettings { maker_fee_bps: "-1".parse().unwrap(), ..usual() }), "maker_fee_bps");
        assert_eq!(field(PaperSettings { latency_ms: 60_001, ..usual() }), "latency_ms");
    }

    #[test]
    fn the_ledgers_beginning_stays() {
        let richer = PaperSettings { starting_cash: Money::new(Decimal::from_int(2)), ..usual() };
        assert_eq!(richer.replacing(&usual()).unwrap_err().field, "starting_cash");
        let euros = PaperSettings { currency: "EUR".parse().unwrap(), ..usual() };
        assert_eq!(euros.replacing(&usual()).unwrap_err().field, "currency");
        assert!(PaperSettings { allow_short: true, ..usual() }.replacing(&usual()).is_ok());
    }
}
