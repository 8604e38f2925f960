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

impl ToSql<Amount, Pg> for Decimal {
    /// The binary form of `numeric`: counts of digits, weight of the first, sign, scale, base-10,000 digits
    /// (`src/backend/utils/adt/numeric.c`, `numeric_send`).
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let mut rest = self.units().unsigned_abs();
        let mut digits = [0_u16; DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit = u16::try_from(rest % BASE)?;
            rest /= BASE;
        }
        let first = digits.iter().position(|digit| *digit != 0).unwrap_or(DIGITS);
        let last = digits.iter().rposition(|digit| *digit != 0).map_or(first, |place| place + 1);
        let weight = i16::try_from(DIGITS - FRACTION)? - 1 - i16::try_from(first)?;
        let mut bytes = [0_u8; 8 + 2 * DIGITS];
        let mut length = 0;
        let mut put = |word: [u8; 2]| {
            bytes[length..length + 2].copy_from_slice(&word);
            length += 2;
        };
        put(u16::try_from(last - first)?.to_be_bytes());
        put(if first == DIGITS { 0 } else { weight }.to_be_bytes());
        put(if self.is_negative() { NEGATIVE } else { 0 }.to_be_bytes());
        put(12_u16.to_be_bytes());
        for digit in &digits[first..last] {
            put(digit.to_be_bytes());
        }
        std::io::Write::write_all(out, &bytes[..length])?;
        Ok(IsNull::No)
    }
}

impl FromSql<Amount, Pg> for Decimal {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let mut words = value.as_bytes().chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
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
        Ok(Self::from_units(if sign == NEGATIVE { -units } else { units })?)
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

    #[test]
    fn reads_what_postgresql_sends() {
        // The bytes that `select numeric_send(x)` gives.
        for (text, words) in [
            ("0", vec![0, 0, 0, 12]),
            ("1", vec![1, 0, 0, 12, 1]),
            ("-12345.0001", vec![3, 1, 0x4000, 12, 1, 2345, 1]),
            ("0.000000000001", vec![1, 0xFFFD, 0, 12, 1]),
            ("9999999999999999.999999999999", vec![7, 3, 0, 12, 9999, 9999, 9999, 9999, 9999, 9999, 9999]),
        ] {
            let bytes: Vec<u8> = words.iter().flat_map(|word: &u16| word.to_be_bytes()).collect();
            let oid = std::num::NonZeroU32::new(1700).unwrap();
            let read: Decimal = FromSql::<Amount, Pg>::from_sql(PgValue::new_internal(&bytes, &oid)).unwrap();
            assert_eq!(read, text.parse().unwrap(), "{text}");
        }
    }
}
