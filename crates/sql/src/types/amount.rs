//! [`Amount`]: `numeric` on PostgreSQL, sixteen sortable bytes on SQLite.

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sqlite::{Sqlite, SqliteValue};
use velox_kernel::{Decimal, Money, Price, Quantity};

use super::{Amount, stands_for};

/// The base of PostgreSQL's digits.
const BASE: u128 = 10_000;
/// PostgreSQL's digits behind the point: 3 × 4 = 12 decimal places.
const FRACTION: usize = 3;
/// PostgreSQL's digits of a `decimal(28,12)`: 7 × 4 = 28 decimal digits.
const DIGITS: usize = 7;
/// The sign word of a negative `numeric`.
const NEGATIVE: u16 = 0x4000;

stands_for!(Decimal => Amount, Price => Amount, Quantity => Amount, Money => Amount);

/// The binary form of `numeric`: how many digits, the weight of the first, sign, scale, digits to the base 10,000
/// (`src/backend/utils/adt/numeric.c`, `numeric_send`).
pub(crate) fn to_numeric(value: Decimal) -> Result<Vec<u8>, std::num::TryFromIntError> {
    let mut rest = value.units().unsigned_abs();
    let mut digits = [0_u16; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = u16::try_from(rest % BASE)?;
        rest /= BASE;
    }
    let first = digits.iter().position(|digit| *digit != 0).unwrap_or(DIGITS);
    let last = digits.iter().rposition(|digit| *digit != 0).map_or(first, |place| place + 1);
    let weight = i16::try_from(DIGITS - FRACTION)? - 1 - i16::try_from(first)?;
    let mut bytes = Vec::with_capacity(8 + 2 * DIGITS);
    bytes.extend(u16::try_from(last - first)?.to_be_bytes());
    bytes.extend(if first == DIGITS { 0 } else { weight }.to_be_bytes());
    bytes.extend(if value.is_negative() { NEGATIVE } else { 0 }.to_be_bytes());
    bytes.extend(12_u16.to_be_bytes());
    bytes.extend(digits[first..last].iter().flat_map(|digit| digit.to_be_bytes()));
    Ok(bytes)
}

/// Reads what PostgreSQL sends for a `numeric`.
fn from_numeric(bytes: &[u8]) -> deserialize::Result<Decimal> {
    let mut words = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let mut next = || words.next().ok_or("a numeric value is cut short");
    let (count, weight, sign, _scale) = (next()?, next()?.cast_signed(), next()?, next()?);
    if sign != 0 && sign != NEGATIVE {
        return Err("a numeric value is not a number".into());
    }
    // The place of the first digit, counted from the last one that a decimal(28,12) has.
    let mut place = i32::from(weight) + i32::try_from(FRACTION)?;
    let mut units = 0_i128;
    for _ in 0..count {
        let digit = i128::from(next()?);
        let power = u32::try_from(place).ok().filter(|power| *power < 9);
        match power {
            Some(power) => units += digit * i128::try_from(BASE.pow(power))?,
            None if digit == 0 => {}
            None => return Err("a numeric value does not fit decimal(28,12)".into()),
        }
        place -= 1;
    }
    Ok(Decimal::from_units(if sign == NEGATIVE { -units } else { units })?)
}

impl ToSql<Amount, Pg> for Decimal {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        std::io::Write::write_all(out, &to_numeric(*self)?)?;
        Ok(IsNull::No)
    }
}

impl FromSql<Amount, Pg> for Decimal {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        from_numeric(value.as_bytes())
    }
}

impl ToSql<Amount, Sqlite> for Decimal {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.to_sortable_bytes().to_vec());
        Ok(IsNull::No)
    }
}

impl FromSql<Amount, Sqlite> for Decimal {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let bytes: [u8; 16] =
            value.read_blob().try_into().map_err(|_| "an amount in the store is not sixteen bytes long")?;
        Ok(Self::from_sortable_bytes(bytes)?)
    }
}

macro_rules! amounts {
    ($($rust:ty),*) => {$(
        impl ToSql<Amount, Pg> for $rust {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                ToSql::<Amount, Pg>::to_sql(&self.decimal(), &mut out.reborrow())
            }
        }

        impl ToSql<Amount, Sqlite> for $rust {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                out.set_value(self.decimal().to_sortable_bytes().to_vec());
                Ok(IsNull::No)
            }
        }

        impl<DB: diesel::backend::Backend> FromSql<Amount, DB> for $rust
        where
            Decimal: FromSql<Amount, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
                Decimal::from_sql(value).map(Self::new)
            }
        }
    )*};
}
amounts!(Price, Quantity, Money);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// The words that `select numeric_send(x)` gives.
    const SENT: [(&str, &[u16]); 5] = [
        ("0", &[0, 0, 0, 12]),
        ("1", &[1, 0, 0, 12, 1]),
        ("-12345.0001", &[3, 1, 0x4000, 12, 1, 2345, 1]),
        ("0.000000000001", &[1, 0xFFFD, 0, 12, 1]),
        ("9999999999999999.999999999999", &[7, 3, 0, 12, 9999, 9999, 9999, 9999, 9999, 9999, 9999]),
    ];

    #[test]
    fn speaks_the_binary_form_of_numeric() {
        for (text, words) in SENT {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            let value: Decimal = text.parse().unwrap();
            assert_eq!(from_numeric(&bytes).unwrap(), value, "{text}");
            assert_eq!(to_numeric(value).unwrap(), bytes, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_decimal_of_ours() {
        let bytes = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        assert!(from_numeric(&bytes(&[0, 0, 0xC000, 0])).is_err(), "NaN");
        assert!(from_numeric(&bytes(&[1, 4, 0, 0, 1])).is_err(), "10^16");
        assert!(from_numeric(&bytes(&[1, 0xFFFC, 0, 16, 1])).is_err(), "10^-16");
        assert!(from_numeric(&bytes(&[2, 0, 0, 0, 1])).is_err(), "cut short");
    }
}
