//! [`Decimal`]: an exact decimal of 28 digits, 12 of them after the point.

use std::fmt::{self, Write};
use std::str::FromStr;

use arrayvec::ArrayString;
use ethnum::I256;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Digits after the decimal point.
const SCALE: u32 = 12;
/// One, in units of 10⁻¹².
const ONE: i128 = 1_000_000_000_000;
/// The first magnitude that no longer fits: 10²⁸ units, that is 10¹⁶.
const LIMIT: i128 = 10_i128.pow(28);
/// The longest text shown: a sign, 16 digits, the point and 12 more.
const LONGEST_SHOWN: usize = 30;
/// The longest text read as a number; longer input is refused before it is looked at.
const LONGEST_TEXT: usize = 64;

/// An exact decimal number, `decimal(28,12)`: magnitude below 10¹⁶, in steps of 10⁻¹².
///
/// One value has one representation (a count of 10⁻¹² units), so `1.0 == 1`, hashes agree and the
/// integer order is the numeric order. Additions and subtractions are exact; products and quotients
/// are rounded once, from the exact result, in the direction the caller names.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i128);

/// How a product or quotient that needs more than 12 decimal places becomes one that does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest, ties to the even neighbour (IEEE 754 `roundTiesToEven`). The rule for values.
    HalfEven,
    /// Away from zero. The rule for fees.
    Up,
    /// Towards zero. The rule for what a limit still allows.
    Down,
}

/// Why a text is not a number, or a result does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not a decimal literal: optional minus, digits, optional fraction, optional exponent.
    #[error("is not a decimal number")]
    NotANumber,
    /// More than 12 digits after the point once the exponent is applied.
    #[error("has more than 12 decimal places")]
    TooPrecise,
    /// A magnitude of 10¹⁶ or more.
    #[error("is too large: at most 16 digits before the decimal point")]
    TooLarge,
    /// A quotient with the divisor zero.
    #[error("is divided by zero")]
    DivisionByZero,
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(ONE);
    /// The largest value: 10¹⁶ − 10⁻¹².
    pub const MAX: Self = Self(LIMIT - 1);

    /// A whole number.
    #[must_use]
    pub fn from_int(value: i32) -> Self {
        Self(i128::from(value) * ONE)
    }

    /// The value of `units` × 10⁻¹².
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when the magnitude reaches 10²⁸ units.
    pub fn from_units(units: i128) -> Result<Self, DecimalError> {
        if units.unsigned_abs() >= LIMIT.unsigned_abs() {
            return Err(DecimalError::TooLarge);
        }
        Ok(Self(units))
    }

    /// The count of 10⁻¹² units.
    #[must_use]
    pub const fn units(self) -> i128 {
        self.0
    }

    /// Sixteen bytes whose unsigned lexicographic order is the numeric order.
    #[must_use]
    pub fn to_sortable_bytes(self) -> [u8; 16] {
        let mut bytes = self.0.to_be_bytes();
        bytes[0] ^= 0x80;
        bytes
    }

    /// Reads what [`Decimal::to_sortable_bytes`] wrote.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] for bytes that no `Decimal` writes.
    pub fn from_sortable_bytes(mut bytes: [u8; 16]) -> Result<Self, DecimalError> {
        bytes[0] ^= 0x80;
        Self::from_units(i128::from_be_bytes(bytes))
    }

    /// Whether this is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether this is above zero.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Whether this is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The magnitude.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// −1, 0 or 1.
    #[must_use]
    pub const fn signum(self) -> i128 {
        self.0.signum()
    }

    /// The value with the other sign.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self(-self.0)
    }

    /// The exact sum.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when it does not fit.
    pub fn plus(self, other: Self) -> Result<Self, DecimalError> {
        Self::from_units(self.0 + other.0)
    }

    /// The exact difference.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when it does not fit.
    pub fn minus(self, other: Self) -> Result<Self, DecimalError> {
        Self::from_units(self.0 - other.0)
    }

    /// The product, rounded once.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when it does not fit.
    pub fn times(self, other: Self, rounding: Rounding) -> Result<Self, DecimalError> {
        match self.0.checked_mul(other.0) {
            Some(product) => Self::from_units(divide_narrow(product, ONE, rounding)),
            None => divide_wide(I256::from(self.0) * I256::from(other.0), I256::from(ONE), rounding),
        }
    }

    /// The quotient, rounded once.
    ///
    /// # Errors
    /// [`DecimalError::DivisionByZero`], or [`DecimalError::TooLarge`] when it does not fit.
    pub fn over(self, divisor: Self, rounding: Rounding) -> Result<Self, DecimalError> {
        if divisor.is_zero() {
            return Err(DecimalError::DivisionByZero);
        }
        match self.0.checked_mul(ONE) {
            Some(dividend) => Self::from_units(divide_narrow(dividend, divisor.0, rounding)),
            None => divide_wide(I256::from(self.0) * I256::from(ONE), I256::from(divisor.0), rounding),
        }
    }

    /// `self × factor ÷ divisor`, rounded once: for weighted averages and shares.
    ///
    /// # Errors
    /// As [`Decimal::over`].
    pub fn times_over(self, factor: Self, divisor: Self, rounding: Rounding) -> Result<Self, DecimalError> {
        if divisor.is_zero() {
            return Err(DecimalError::DivisionByZero);
        }
        divide_wide(I256::from(self.0) * I256::from(factor.0), I256::from(divisor.0), rounding)
    }

    /// Whether this is a whole number of `step`s; false when `step` is zero.
    #[must_use]
    pub const fn is_multiple_of(self, step: Self) -> bool {
        step.0 != 0 && self.0 % step.0 == 0
    }

    /// The nearest multiple of `step` in the direction of `rounding`; unchanged when `step` is zero.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when it does not fit.
    pub fn round_to(self, step: Self, rounding: Rounding) -> Result<Self, DecimalError> {
        if step.is_zero() {
            return Ok(self);
        }
        Self::from_units(divide_narrow(self.0, step.0, rounding) * step.0)
    }
}

/// `dividend ÷ divisor` with the remainder resolved by `rounding`; the divisor is not zero.
fn divide_narrow(dividend: i128, divisor: i128, rounding: Rounding) -> i128 {
    let (quotient, remainder) = (dividend / divisor, dividend % divisor);
    if remainder == 0 {
        return quotient;
    }
    let away = quotient + if (remainder < 0) == (divisor < 0) { 1 } else { -1 };
    match rounding {
        Rounding::Down => quotient,
        Rounding::Up => away,
        Rounding::HalfEven => {
            let twice = remainder.unsigned_abs() * 2;
            match twice.cmp(&divisor.unsigned_abs()) {
                std::cmp::Ordering::Less => quotient,
                std::cmp::Ordering::Greater => away,
                std::cmp::Ordering::Equal if quotient % 2 == 0 => quotient,
                std::cmp::Ordering::Equal => away,
            }
        }
    }
}

/// [`divide_narrow`] for products that need 256 bits.
fn divide_wide(dividend: I256, divisor: I256, rounding: Rounding) -> Result<Decimal, DecimalError> {
    let (quotient, remainder) = (dividend / divisor, dividend % divisor);
    let mut rounded = quotient;
    if remainder != I256::ZERO {
        let away =
            quotient + if (remainder < I256::ZERO) == (divisor < I256::ZERO) { I256::ONE } else { I256::MINUS_ONE };
        let take_away = match rounding {
            Rounding::Down => false,
            Rounding::Up => true,
            Rounding::HalfEven => match (remainder.unsigned_abs() * 2).cmp(&divisor.unsigned_abs()) {
                std::cmp::Ordering::Less => false,
                std::cmp::Ordering::Greater => true,
                std::cmp::Ordering::Equal => quotient % I256::from(2_i8) != I256::ZERO,
            },
        };
        if take_away {
            rounded = away;
        }
    }
    let units = i128::try_from(rounded).map_err(|_| DecimalError::TooLarge)?;
    Decimal::from_units(units)
}

impl FromStr for Decimal {
    type Err = DecimalError;

    /// Reads a JSON number literal (RFC 8259 §6) exactly, exponents included: `12`, `-0.5`, `1e-05`.
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        if text.len() > LONGEST_TEXT {
            return Err(if text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) {
                DecimalError::TooLarge
            } else {
                DecimalError::NotANumber
            });
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(DecimalError::NotANumber),
            Some(parts) => parts,
            None => (digits, ""),
        };
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(DecimalError::NotANumber);
        }
        let fraction = fraction.trim_end_matches('0');
        let significant = format!("{whole}{fraction}");
        let significant = significant.trim_start_matches('0');
        if significant.is_empty() {
            return Ok(Self::ZERO);
        }
        let kept = significant.trim_end_matches('0');
        let dropped = length(significant) - length(kept);
        let power = exponent - length(fraction) + dropped + i64::from(SCALE);
        if power < 0 {
            return Err(DecimalError::TooPrecise);
        }
        if length(kept) + power > 28 {
            return Err(DecimalError::TooLarge);
        }
        let coefficient: i128 = kept.parse().map_err(|_| DecimalError::TooLarge)?;
        let power = u32::try_from(power).map_err(|_| DecimalError::TooLarge)?;
        let units = coefficient * 10_i128.pow(power);
        Self::from_units(if negative { -units } else { units })
    }
}

/// A string length as a signed number; lengths here are at most [`LONGEST_TEXT`].
fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

fn parse_exponent(text: &str) -> Result<i64, DecimalError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(DecimalError::NotANumber);
    }
    // Saturated: any exponent beyond five digits is out of range whatever the mantissa.
    let magnitude = digits.parse::<i64>().unwrap_or(99_999).min(99_999);
    Ok(if text.starts_with('-') { -magnitude } else { magnitude })
}

impl fmt::Display for Decimal {
    /// The shortest plain notation: no exponent, no trailing zeros, no `-0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl Decimal {
    fn text(self) -> ArrayString<LONGEST_SHOWN> {
        // Sixteen digits before the point and twelve behind it fit a narrower number, which is written faster.
        let narrow = |units: u128| u64::try_from(units).unwrap_or(u64::MAX);
        let magnitude = self.0.unsigned_abs();
        let (whole, fraction) = (narrow(magnitude / ONE.unsigned_abs()), narrow(magnitude % ONE.unsigned_abs()));
        let sign = if self.0 < 0 { "-" } else { "" };
        let mut text = ArrayString::new();
        // It always fits.
        if fraction == 0 {
            let _ = write!(text, "{sign}{whole}");
        } else {
            let _ = write!(text, "{sign}{whole}.{fraction:012}");
            text.truncate(text.trim_end_matches('0').len());
        }
        text
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Decimal {
    /// A JSON string.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Decimal {
    /// From a string; the wire edge reads bare numbers from their literal text itself.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Decimal;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number in a string")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn reads_literals_exactly() {
        for (text, shown) in [
            ("0", "0"),
            ("-0", "0"),
            ("1.0", "1"),
            ("1e-05", "0.00001"),
            ("1E+3", "1000"),
            ("12.340", "12.34"),
            ("-0.000000000001", "-0.000000000001"),
            ("9999999999999999.999999999999", "9999999999999999.999999999999"),
            ("0.00000000000100000", "0.000000000001"),
            ("100e-2", "1"),
        ] {
            assert_eq!(d(text).to_string(), shown, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_exact() {
        for (text, error) in [
            ("", DecimalError::NotANumber),
            ("-", DecimalError::NotANumber),
            (".5", DecimalError::NotANumber),
            ("5.", DecimalError::NotANumber),
            ("+1", DecimalError::NotANumber),
            ("NaN", DecimalError::NotANumber),
            ("1e", DecimalError::NotANumber),
            ("0x10", DecimalError::NotANumber),
            ("1_000", DecimalError::NotANumber),
            ("1e-13", DecimalError::TooPrecise),
            ("10000000000000000", DecimalError::TooLarge),
            ("1e16", DecimalError::TooLarge),
            ("1e999999999999999999999", DecimalError::TooLarge),
            ("1234567890123456789012345678901234567890", DecimalError::TooLarge),
        ] {
            assert_eq!(text.parse::<Decimal>(), Err(error), "{text}");
        }
    }

    #[test]
    fn rounds_products_once_and_as_told() {
        let tiny = d("0.000000000001");
        assert_eq!(tiny.times(d("0.5"), Rounding::HalfEven).unwrap(), Decimal::ZERO);
        assert_eq!(d("0.000000000003").times(d("0.5"), Rounding::HalfEven).unwrap(), d("0.000000000002"));
        assert_eq!(tiny.times(d("0.1"), Rounding::Up).unwrap(), tiny);
        assert_eq!(tiny.times(d("-0.1"), Rounding::Up).unwrap(), tiny.negated());
        assert_eq!(d("1").over(d("3"), Rounding::HalfEven).unwrap(), d("0.333333333333"));
        assert_eq!(d("2").over(d("-3"), Rounding::HalfEven).unwrap(), d("-0.666666666667"));
        assert_eq!(Decimal::MAX.times(d("2"), Rounding::Down), Err(DecimalError::TooLarge));
    }

    proptest! {
        #[test]
        fn text_round_trips(units in -LIMIT + 1..LIMIT) {
            let value = Decimal::from_units(units).unwrap();
            prop_assert_eq!(d(&value.to_string()), value);
        }

        #[test]
        fn sortable_bytes_keep_the_order(a in -LIMIT + 1..LIMIT, b in -LIMIT + 1..LIMIT) {
            let (a, b) = (Decimal::from_units(a).unwrap(), Decimal::from_units(b).unwrap());
            prop_assert_eq!(a.cmp(&b), a.to_sortable_bytes().cmp(&b.to_sortable_bytes()));
            prop_assert_eq!(Decimal::from_sortable_bytes(a.to_sortable_bytes()).unwrap(), a);
        }

        #[test]
        fn wide_and_narrow_division_agree(a in any::<i64>(), b in any::<i64>().prop_filter("zero", |b| *b != 0)) {
            for rounding in [Rounding::Down, Rounding::Up, Rounding::HalfEven] {
                let narrow = divide_narrow(i128::from(a), i128::from(b), rounding);
                prop_assert_eq!(divide_wide(I256::from(a), I256::from(b), rounding).unwrap().units(), narrow);
            }
        }

        #[test]
        fn a_quotient_times_its_divisor_is_within_half_a_unit(a in -LIMIT / 1000..LIMIT / 1000, b in 1..LIMIT) {
            let (a, b) = (Decimal::from_units(a).unwrap(), Decimal::from_units(b).unwrap());
            if let Ok(quotient) = a.over(b, Rounding::HalfEven) {
                let back = I256::from(quotient.units()) * I256::from(b.units());
                let exact = I256::from(a.units()) * I256::from(ONE);
                prop_assert!((back - exact).unsigned_abs() * 2 <= I256::from(b.units()).unsigned_abs());
            }
        }
    }
}
