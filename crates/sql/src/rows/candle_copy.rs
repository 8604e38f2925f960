//! Candles as PostgreSQL's binary COPY has them.

use bytes::{BufMut, Bytes, BytesMut};
use velox_kernel::Decimal;
use velox_market::Candle;

use super::market::CandleRecord;
use crate::failure::Failure;
use crate::types::{postgres_micros, to_numeric};

/// The signature, no flags, no extension (PostgreSQL's manual, "COPY", "Binary Format").
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// A row of minus one fields ends it.
const TRAILER: i16 = -1;
const FIELDS: i16 = 12;
/// What a row takes, more or less.
const ROW: usize = 200;

/// Rows for `COPY candles FROM STDIN (FORMAT binary)`, in the order of the record's columns.
///
/// # Errors
/// [`Failure::Corrupt`] for a number that PostgreSQL cannot have.
pub fn copy_of_candles(candles: &[Candle]) -> Result<Bytes, Failure> {
    let mut out = BytesMut::with_capacity(HEADER.len() + candles.len() * ROW);
    out.put_slice(HEADER);
    for candle in candles {
        let CandleRecord {
            symbol,
            timeframe,
            open_time,
            open,
            high,
            low,
            close,
            volume,
            trades,
            complete,
            synthetic,
            gap_before,
        } = CandleRecord::try_from(candle)?;
        out.put_i16(FIELDS);
        field(&mut out, symbol.as_str().as_bytes())?;
        field(&mut out, timeframe.as_str().as_bytes())?;
        field(&mut out, &postgres_micros(open_time).to_be_bytes())?;
        for price in [open, high, low, close] {
            amount(&mut out, price.decimal())?;
        }
        amount(&mut out, volume.decimal())?;
        field(&mut out, &trades.to_be_bytes())?;
        for flag in [complete, synthetic, gap_before] {
            field(&mut out, &[u8::from(flag)])?;
        }
    }
    out.put_i16(TRAILER);
    Ok(out.freeze())
}

fn field(out: &mut BytesMut, bytes: &[u8]) -> Result<(), Failure> {
    out.put_i32(i32::try_from(bytes.len()).map_err(|error| Failure::Corrupt(error.to_string()))?);
    out.put_slice(bytes);
    Ok(())
}

fn amount(out: &mut BytesMut, value: Decimal) -> Result<(), Failure> {
    field(out, &to_numeric(value).map_err(|error| Failure::Corrupt(error.to_string()))?)
}
