//! [`Instrument`]: what is traded, in which steps.

mod bundled;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use velox_kernel::{Currency, Decimal, Money, Price, Quantity, Rounding, Symbol};

pub use bundled::bundled_instruments;

/// What kind of thing an instrument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetClass {
    /// A coin against money or another coin, delivered at once.
    Crypto,
    /// A perpetual future on a coin.
    CryptoPerpetual,
    /// A pair of currencies.
    Forex,
    /// A share.
    Equity,
}

/// Whether an instrument takes orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstrumentStatus {
    /// It trades.
    Active,
    /// It is suspended and may trade again.
    Halted,
    /// It is gone for good; its history stays.
    Delisted,
}

/// What the volume of an instrument's source data counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeUnit {
    /// Units of the instrument: shares, coins.
    Base,
    /// Money in the quote currency.
    Quote,
    /// The number of price changes. It says nothing about size, so it must bound no fill.
    TickCount,
}

/// A word that names none of a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not one of {allowed}")]
pub struct UnknownWord {
    /// The words there are.
    pub allowed: &'static str,
}

macro_rules! words {
    ($name:ident, $allowed:literal, $($variant:ident = $word:literal),*) => {
        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word for it, as it stands in JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or(UnknownWord { allowed: $allowed })
            }
        }
    };
}

words!(
    AssetClass,
    "crypto, crypto_perpetual, forex, equity",
    Crypto = "crypto",
    CryptoPerpetual = "crypto_perpetual",
    Forex = "forex",
    Equity = "equity"
);
words!(InstrumentStatus, "active, halted, delisted", Active = "active", Halted = "halted", Delisted = "delisted");
words!(VolumeUnit, "base, quote, tick_count", Base = "base", Quote = "quote", TickCount = "tick_count");

/// Something that is traded, and the steps it is traded in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// Its name on its venue.
    pub symbol: Symbol,
    /// Its name for people.
    pub name: String,
    /// What kind of thing it is.
    pub asset_class: AssetClass,
    /// What one unit of it is: a coin, a currency, a share.
    pub base: Currency,
    /// What its prices are in.
    pub quote: Currency,
    /// The step of its order prices; above zero.
    pub tick: Price,
    /// The step of its order quantities; above zero.
    pub lot: Quantity,
    /// The smallest order, in units.
    pub min_quantity: Quantity,
    /// The smallest order, by value in the quote currency.
    pub min_notional: Money,
    /// What the volume of its source data counts.
    pub volume_unit: VolumeUnit,
    /// When it trades and where its data comes from, for people.
    pub session: String,
    /// Whether it takes orders.
    pub status: InstrumentStatus,
}

/// An order that an instrument's filters refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// A price of zero or less.
    #[error("the price must be above zero")]
    PriceNotPositive,
    /// A price between two ticks.
    #[error("the price must be a multiple of the tick size {tick}")]
    OffTick {
        /// The step of prices.
        tick: Price,
    },
    /// A quantity of zero or less.
    #[error("the quantity must be above zero")]
    QuantityNotPositive,
    /// A quantity between two lots.
    #[error("the quantity must be a multiple of the lot size {lot}")]
    OffLot {
        /// The step of quantities.
        lot: Quantity,
    },
    /// Fewer units than the smallest order has.
    #[error("the quantity must be at least {min_quantity}")]
    BelowMinQuantity {
        /// The smallest order, in units.
        min_quantity: Quantity,
    },
    /// Less value than the smallest order has.
    #[error("the order's value must be at least {min_notional}")]
    BelowMinNotional {
        /// The smallest order, by value.
        min_notional: Money,
    },
    /// A value of 10¹⁶ or more.
    #[error("the order's value is too large")]
    TooLarge,
}

impl Instrument {
    /// Whether a price may stand in an order.
    ///
    /// # Errors
    /// [`FilterError::PriceNotPositive`] or [`FilterError::OffTick`].
    pub fn check_price(&self, price: Price) -> Result<(), FilterError> {
        if !price.is_positive() {
            return Err(FilterError::PriceNotPositive);
        }
        if !price.decimal().is_multiple_of(self.tick.decimal()) {
            return Err(FilterError::OffTick { tick: self.tick });
        }
        Ok(())
    }

    /// Whether a quantity may stand in an order.
    ///
    /// # Errors
    /// [`FilterError::QuantityNotPositive`], [`FilterError::OffLot`] or [`FilterError::BelowMinQuantity`].
    pub fn check_quantity(&self, quantity: Quantity) -> Result<(), FilterError> {
        if !quantity.is_positive() {
            return Err(FilterError::QuantityNotPositive);
        }
        if !quantity.decimal().is_multiple_of(self.lot.decimal()) {
            return Err(FilterError::OffLot { lot: self.lot });
        }
        if quantity < self.min_quantity {
            return Err(FilterError::BelowMinQuantity { min_quantity: self.min_quantity });
        }
        Ok(())
    }

    /// Whether an order is worth enough, at its limit or at a reference price.
    ///
    /// # Errors
    /// [`FilterError::BelowMinNotional`] or [`FilterError::TooLarge`].
    pub fn check_notional(&self, price: Price, quantity: Quantity) -> Result<(), FilterError> {
        let notional = price.value(quantity).map_err(|_| FilterError::TooLarge)?.abs();
        if notional < self.min_notional {
            return Err(FilterError::BelowMinNotional { min_notional: self.min_notional });
        }
        Ok(())
    }

    /// Whether the volumes of its trades and candles are sizes that were traded, and so may bound a fill.
    #[must_use]
    pub const fn volume_is_real(&self) -> bool {
        !matches!(self.volume_unit, VolumeUnit::TickCount)
    }

    /// A source's volume over some time as candles and trades hold it.
    ///
    /// Base units and tick counts stay what they are. Money is divided by the typical price
    /// `(high + low + close) / 3` of the time and rounded half-even to whole lots: an estimate, since a bar does
    /// not say at which of its prices the money changed hands.
    #[must_use]
    pub fn candle_volume(&self, volume: Decimal, high: Price, low: Price, close: Price) -> Quantity {
        match self.volume_unit {
            VolumeUnit::Base | VolumeUnit::TickCount => Quantity::new(volume),
            VolumeUnit::Quote => {
                let typical = (high.decimal().units() + low.decimal().units() + close.decimal().units()) / 3;
                let units = Decimal::from_units(typical)
                    .and_then(|typical| volume.over(typical, Rounding::HalfEven))
                    .and_then(|units| units.round_to(self.lot.decimal(), Rounding::HalfEven));
                // A quotient that does not fit is larger than any order: the bound it stands for is the largest.
                Quantity::new(units.unwrap_or(Decimal::MAX))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instrument(symbol: &str) -> Instrument {
        bundled_instruments().into_iter().find(|one| one.symbol.as_str() == symbol).unwrap()
    }

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    #[test]
    fn prices_stand_on_ticks() {
        let perp = instrument("BTC-PERP");
        assert_eq!(perp.check_price(price("43000")), Ok(()));
        assert_eq!(perp.check_price(price("43000.5")), Err(FilterError::OffTick { tick: price("1") }));
        assert_eq!(perp.check_price(price("0")), Err(FilterError::PriceNotPositive));
        assert_eq!(perp.check_price(price("-1")), Err(FilterError::PriceNotPositive));
    }

    #[test]
    fn quantities_stand_on_lots_and_reach_the_minimum() {
        let pair = instrument("EURUSD");
        let quantity = |text: &str| text.parse::<Quantity>().unwrap();
        assert_eq!(pair.check_quantity(quantity("1000")), Ok(()));
        assert_eq!(pair.check_quantity(quantity("0.5")), Err(FilterError::OffLot { lot: quantity("1") }));
        assert_eq!(pair.check_quantity(quantity("0")), Err(FilterError::QuantityNotPositive));
        let large = Instrument { min_quantity: quantity("100"), ..pair };
        let below = FilterError::BelowMinQuantity { min_quantity: quantity("100") };
        assert_eq!(large.check_quantity(quantity("99")), Err(below));
    }

    #[test]
    fn small_orders_are_worth_too_little() {
        let spot = instrument("BTCUSDT");
        let below = FilterError::BelowMinNotional { min_notional: "10".parse().unwrap() };
        assert_eq!(spot.check_notional(price("40000"), "0.00025".parse().unwrap()), Ok(()));
        assert_eq!(spot.check_notional(price("40000"), "0.000249".parse().unwrap()), Err(below));
    }

    #[test]
    fn money_becomes_whole_lots_at_the_typical_price() {
        let perp = instrument("BTC-PERP");
        let volume = perp.candle_volume("120000".parse().unwrap(), price("41000"), price("39000"), price("40000"));
        assert_eq!(volume, "3".parse().unwrap());
        let odd = perp.candle_volume("62.493".parse().unwrap(), price("40000"), price("40000"), price("40000"));
        assert_eq!(odd, "0.0016".parse().unwrap());
        assert!(perp.volume_is_real());
        let pair = instrument("EURUSD");
        let ticks = pair.candle_volume("1413".parse().unwrap(), price("1.1"), price("1"), price("1"));
        assert_eq!(ticks, "1413".parse().unwrap());
        assert!(!pair.volume_is_real());
    }

    #[test]
    fn words_read_back() {
        for class in AssetClass::ALL {
            assert_eq!(class.as_str().parse(), Ok(*class));
        }
        assert!("stock".parse::<AssetClass>().is_err());
    }
}
