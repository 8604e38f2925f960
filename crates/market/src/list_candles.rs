//! Candle history: what is kept, and what is still in memory, as one list.

use std::collections::BTreeMap;

use velox_kernel::{Actor, Cursor, Freshness, Page, PageRequest, Symbol, Timeframe, Timestamp};

use crate::{Candle, CandleOrder, CandleQuery, Market, MarketStoreError};

/// Which candles to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListCandles {
    /// Of what.
    pub symbol: Symbol,
    /// How long.
    pub timeframe: Timeframe,
    /// Opening at this moment or later.
    pub from: Option<Timestamp>,
    /// Opening before this moment.
    pub to: Option<Timestamp>,
    /// Which end comes first.
    pub order: CandleOrder,
    /// Which page.
    pub page: PageRequest,
}

/// Why candles are not listed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListCandlesError {
    /// No instrument has this symbol.
    #[error("no instrument has this symbol")]
    UnknownSymbol,
    /// `from` is not before `to`.
    #[error("the range is empty: from must be before to")]
    EmptyRange,
    /// The cursor is not one of this list.
    #[error("the cursor was not given out by this list")]
    InvalidCursor,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] MarketStoreError),
}

/// A page of candles by opening time, the open one included. They are the same for every tenant.
///
/// A candle in memory stands for the kept one of the same time, which it may have corrected since. `gap_before` is
/// told as the list itself shows it: the candle just before is missing although an earlier one is there.
///
/// # Errors
/// As [`ListCandlesError`] says.
pub async fn list_candles(
    _actor: &Actor,
    market: &Market,
    query: ListCandles,
) -> Result<Page<Candle>, ListCandlesError> {
    let ListCandles { symbol, timeframe, mut from, mut to, order, page } = query;
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return Err(ListCandlesError::EmptyRange);
    }
    let after = page.after.as_ref().map(Cursor::parse::<i64>).transpose();
    let after = after.map_err(|_| ListCandlesError::InvalidCursor)?.map(Timestamp::from_micros);
    match (after, order) {
        (Some(after), CandleOrder::NewestFirst) => to = Some(to.map_or(after, |to| to.min(after))),
        (Some(after), CandleOrder::OldestFirst) => {
            let next = Timestamp::from_micros(after.micros() + 1);
            from = Some(from.map_or(next, |from| from.max(next)));
        }
        (None, _) => {}
    }
    let range = CandleQuery { symbol, timeframe, from, to, order, limit: u32::from(page.limit()) + 1 };
    let mut rows = newest_and_kept(market, &range, page.freshness).await?;
    if rows.is_empty() && after.is_none() && market.store.instrument(symbol).await?.is_none() {
        return Err(ListCandlesError::UnknownSymbol);
    }
    mark_gaps(&mut rows, order, after.filter(|_| order == CandleOrder::OldestFirst));
    Ok(Page::cut(rows, &page, |last| Cursor::new(last.open_time.micros())))
}

/// The candles of a range out of memory and store, in order and within the limit.
async fn newest_and_kept(
    market: &Market,
    range: &CandleQuery,
    freshness: Freshness,
) -> Result<Vec<Candle>, MarketStoreError> {
    let limit = usize::try_from(range.limit).unwrap_or(usize::MAX);
    let hot = market.hot.candles(range);
    if range.order == CandleOrder::NewestFirst
        && hot.len() == limit
        && unbroken(&hot)
        && reaches_the_end(market, range, &hot)
    {
        // Nothing kept can be newer than these, and nothing can lie between them: the store could add none.
        return Ok(hot);
    }
    let kept = market.history.candles(range, freshness).await?;
    let merged: BTreeMap<_, _> = kept.into_iter().chain(hot).map(|candle| (candle.open_time, candle)).collect();
    Ok(match range.order {
        CandleOrder::OldestFirst => merged.into_values().take(limit).collect(),
        CandleOrder::NewestFirst => merged.into_values().rev().take(limit).collect(),
    })
}

/// Whether candles, newest first, follow each other without a hole.
fn unbroken(newest_first: &[Candle]) -> bool {
    newest_first.windows(2).all(|pair| matches!(pair, [later, earlier] if earlier.close_time() == later.open_time))
}

/// Whether the newest of some candles is the newest there can be: the range ends with it, or memory is up to date.
fn reaches_the_end(market: &Market, range: &CandleQuery, newest_first: &[Candle]) -> bool {
    newest_first.first().map(Candle::close_time).is_some_and(|close| {
        range.to.is_some_and(|to| close >= to) || close.plus(market.stale_after) >= market.clock.now()
    })
}

/// Says of each candle whether the one just before it is missing. `before` is where the page before ended; a candle
/// whose predecessor is not in sight keeps what was known when it was kept.
fn mark_gaps(rows: &mut [Candle], order: CandleOrder, before: Option<Timestamp>) {
    let mut previous = before;
    let mut mark = |candle: &mut Candle| {
        if let Some(previous) = previous {
            candle.gap_before = previous.plus(candle.timeframe.duration()) != candle.open_time;
        }
        previous = Some(candle.open_time);
    };
    match order {
        CandleOrder::OldestFirst => rows.iter_mut().for_each(&mut mark),
        CandleOrder::NewestFirst => rows.iter_mut().rev().for_each(&mut mark),
    }
}
