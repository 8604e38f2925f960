//! [`Price`], [`Quantity`] and [`Money`]: decimals that cannot be mistaken for each other.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Decimal, DecimalError, Rounding};

macro_rules! amount {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Decimal);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(Decimal::ZERO);

            /// Names a decimal.
            #[must_use]
            pub const fn new(value: Decimal) -> Self {
                Self(value)
            }

            /// The plain number.
            #[must_use]
            pub const fn decimal(self) -> Decimal {
                self.0
            }

            /// Whether this is zero.
            #[must_use]
            pub const fn is_zero(self) -> bool {
                self.0.is_zero()
            }

            /// Whether this is above zero.
            #[must_use]
            pub const fn is_positive(self) -> bool {
                self.0.is_positive()
            }

            /// Whether this is below zero.
            #[must_use]
            pub const fn is_negative(self) -> bool {
                self.0.is_negative()
            }

            /// The magnitude.
            #[must_use]
            pub const fn abs(self) -> Self {
                Self(self.0.abs())
            }

            /// The value with the other sign.
            #[must_use]
            pub const fn negated(self) -> Self {
                Self(self.0.negated())
            }

            /// The exact sum.
            ///
            /// # Errors
            /// [`DecimalError::TooLarge`] when it does not fit.
            pub fn plus(self, other: Self) -> Result<Self, DecimalError> {
                self.0.plus(other.0).map(Self)
            }

            /// The exact difference.
            ///
            /// # Errors
            /// [`DecimalError::TooLarge`] when it does not fit.
            pub fn minus(self, other: Self) -> Result<Self, DecimalError> {
                self.0.minus(other.0).map(Self)
            }

            /// The product with a plain factor, rounded once.
            ///
            /// # Errors
            /// [`DecimalError::TooLarge`] when it does not fit.
            pub fn scaled(self, factor: Decimal, rounding: Rounding) -> Result<Self, DecimalError> {
                self.0.times(factor, rounding).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = DecimalError;

            fn from_str(text: &str) -> Result<Self, DecimalError> {
                text.parse().map(Self)
            }
        }
    };
}

amount! {
    /// What one unit of an instrument costs, in the instrument's quote currency.
    Price
}
amount! {
    /// How much of an instrument: units, signed where it is a position (long above zero, short below).
    Quantity
}
amount! {
    /// An amount in a currency that its owner names beside it (a ledger, an instrument's quote currency).
    Money
}

impl Price {
    /// The value of `quantity` at this price, half-even; signed as the quantity is.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when it does not fit.
    pub fn value(self, quantity: Quantity) -> Result<Money, DecimalError> {
        self.0.times(quantity.0, Rounding::HalfEven).map(Money)
    }
}

impl Money {
    /// The unrounded-price inverse of [`Price::value`]: this amount spread over `quantity`, half-even.
    ///
    /// # Errors
    /// [`DecimalError::DivisionByZero`], or [`DecimalError::TooLarge`] when it does not fit.
    pub fn per_unit(self, quantity: Quantity) -> Result<Price, DecimalError> {
        self.0.over(quantity.0, Rounding::HalfEven).map(Price)
    }
}
