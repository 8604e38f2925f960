//! Market data. Saves run inside the caller's transaction.

use std::collections::HashMap;
use std::hash::Hash;

use diesel::prelude::{
    BoolExpressionMethods, EscapeExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper,
    TextExpressionMethods,
};
use velox_kernel::{Symbol, Timeframe, Timestamp};
use velox_market::{Candle, CandleOrder, CandleQuery, FeedPosition, Instrument, InstrumentFilter, Ticker};

use super::{Conn, Db, RunQueryDsl, upsert_all};
use crate::failure::Failure;
use crate::record::Upsert;
use crate::rows::{
    CandleRecord, CandleRecords, FeedPositionRecord, InstrumentRecord, InstrumentRecords, TickerRecord, TickerRecords,
};
use crate::schema::{candles, feed_positions, instruments, newest_quotes};
use crate::types::Val;

/// Of several things under one key the last, in the order of their keys' first appearance.
fn last_of_each<T: Copy, K: Hash + Eq>(things: impl IntoIterator<Item = T>, key: impl Fn(T) -> K) -> Vec<T> {
    let mut places = HashMap::new();
    let mut kept: Vec<T> = Vec::new();
    for thing in things {
        let place = *places.entry(key(thing)).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(slot) => *slot = thing,
            None => kept.push(thing),
        }
    }
    kept
}

/// Keeps instruments, by symbol.
///
/// # Errors
/// [`Failure`].
pub async fn save_instruments(conn: &mut Conn, instruments: &[Instrument]) -> Result<(), Failure> {
    let kept = last_of_each(instruments, |instrument| instrument.symbol);
    upsert_all::<InstrumentRecords>(conn, kept.into_iter().map(InstrumentRecord::from).collect()).await
}

/// The instrument of a symbol.
///
/// # Errors
/// [`Failure`].
pub async fn instrument(conn: &mut Conn, symbol: Symbol) -> Result<Option<Instrument>, Failure> {
    let record: Option<InstrumentRecord> =
        instruments::table.find(Val(symbol)).select(InstrumentRecord::as_select()).first(conn).await.optional()?;
    Ok(record.map(Instrument::from))
}

/// `text` as a part in a `LIKE`, with every character standing for itself.
fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.to_ascii_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// Up to `limit` instruments, by symbol.
///
/// # Errors
/// [`Failure`].
pub async fn instruments(conn: &mut Conn, filter: &InstrumentFilter, limit: u32) -> Result<Vec<Instrument>, Failure> {
    let InstrumentFilter { search, asset_class, quote, after } = filter;
    let mut query = instruments::table.select(InstrumentRecord::as_select()).into_boxed::<Db>();
    if let Some(search) = search {
        query = query.filter(instruments::search_text.like(containing(search)).escape('\\'));
    }
    if let Some(class) = asset_class {
        query = query.filter(instruments::asset_class.eq(Val(*class)));
    }
    if let Some(quote) = quote {
        query = query.filter(instruments::quote.eq(Val(*quote)));
    }
    if let Some(after) = after {
        query = query.filter(instruments::symbol.gt(Val(*after)));
    }
    let records: Vec<InstrumentRecord> =
        query.order(instruments::symbol.asc()).limit(i64::from(limit)).load(conn).await?;
    Ok(records.into_iter().map(Instrument::from).collect())
}

/// Keeps candles, by symbol, timeframe and opening time.
///
/// # Errors
/// [`Failure`].
pub async fn save_candles(conn: &mut Conn, candles: &[Candle]) -> Result<(), Failure> {
    let kept = last_of_each(candles, |candle| (candle.symbol, candle.timeframe, candle.open_time));
    let records = kept.into_iter().map(CandleRecord::try_from).collect::<Result<_, _>>()?;
    upsert_all::<CandleRecords>(conn, records).await
}

/// Deletes up to `most` candles of one symbol and timeframe that opened before a moment; says how many are gone.
///
/// # Errors
/// [`Failure`].
pub async fn delete_candles(conn: &mut Conn, before: Timestamp, most: i64) -> Result<usize, Failure> {
    // By symbol and timeframe, because that is how they are found: no index begins with the time.
    let symbols: Vec<Symbol> = instruments::table.select(instruments::symbol).load(conn).await?;
    for symbol in symbols {
        for timeframe in Timeframe::ALL {
            let of_both =
                || candles::table.filter(candles::symbol.eq(Val(symbol)).and(candles::timeframe.eq(Val(timeframe))));
            let oldest: Vec<Timestamp> = of_both()
                .filter(candles::open_time.lt(Val(before)))
                .order(candles::open_time.asc())
                .limit(most)
                .select(candles::open_time)
                .load(conn)
                .await?;
            if let Some(last) = oldest.last() {
                let gone = of_both().filter(candles::open_time.le(Val(*last)));
                return Ok(diesel::delete(gone).execute(conn).await?);
            }
        }
    }
    Ok(0)
}

/// The candles a query wants, by opening time.
///
/// # Errors
/// [`Failure`].
pub async fn candles(conn: &mut Conn, query: &CandleQuery) -> Result<Vec<Candle>, Failure> {
    let CandleQuery { symbol, timeframe, from, to, order, limit } = query;
    let mut wanted = candles::table
        .filter(candles::symbol.eq(Val(*symbol)))
        .filter(candles::timeframe.eq(Val(*timeframe)))
        .select(CandleRecord::as_select())
        .into_boxed::<Db>();
    if let Some(from) = from {
        wanted = wanted.filter(candles::open_time.ge(Val(*from)));
    }
    if let Some(to) = to {
        wanted = wanted.filter(candles::open_time.lt(Val(*to)));
    }
    wanted = match order {
        CandleOrder::NewestFirst => wanted.order(candles::open_time.desc()),
        CandleOrder::OldestFirst => wanted.order(candles::open_time.asc()),
    };
    let records: Vec<CandleRecord> = wanted.limit(i64::from(*limit)).load(conn).await?;
    records.into_iter().map(Candle::try_from).collect()
}

/// Keeps the newest prices, by symbol. One that is older than what is kept replaces nothing.
///
/// # Errors
/// [`Failure`].
pub async fn save_tickers(conn: &mut Conn, tickers: &[Ticker]) -> Result<(), Failure> {
    let mut in_time: Vec<&Ticker> = tickers.iter().collect();
    in_time.sort_by_key(|ticker| ticker.at());
    let kept = last_of_each(in_time, |ticker| ticker.symbol);
    let records = kept.into_iter().map(TickerRecord::try_from).collect::<Result<_, _>>()?;
    upsert_all::<TickerRecords>(conn, records).await
}

/// The newest prices kept of every symbol, by symbol.
///
/// # Errors
/// [`Failure`].
pub async fn tickers(conn: &mut Conn) -> Result<Vec<Ticker>, Failure> {
    let records: Vec<TickerRecord> =
        newest_quotes::table.order(newest_quotes::symbol.asc()).select(TickerRecord::as_select()).load(conn).await?;
    records.into_iter().map(Ticker::try_from).collect()
}

/// Keeps where a feed goes on.
///
/// # Errors
/// [`Failure`].
pub async fn save_feed_position(conn: &mut Conn, position: &FeedPosition) -> Result<(), Failure> {
    Upsert(FeedPositionRecord::try_from(position)?).execute(conn).await?;
    Ok(())
}

/// Where a feed goes on.
///
/// # Errors
/// [`Failure`].
pub async fn feed_position(conn: &mut Conn, feed: &str) -> Result<Option<FeedPosition>, Failure> {
    let record: Option<FeedPositionRecord> =
        feed_positions::table.find(feed).select(FeedPositionRecord::as_select()).first(conn).await.optional()?;
    record.map(FeedPosition::try_from).transpose()
}
