//! Keeping candles of one timeframe together with the longer ones they make.

use velox_kernel::{Timeframe, Timestamp};

use crate::{Candle, CandleOrder, CandleQuery, CandleRollup, MarketStore, MarketStoreError};

/// The most shorter candles that a read may span, beside those of one longer candle before them.
const READ: u32 = 1_000;

/// Keeps candles of one symbol and timeframe, oldest first, and makes every longer timeframe anew where they fall.
///
/// Only the longer candles that one of them falls into are made, however far apart they are, and everything is read
/// in parts of at most 1,000 candles or so, and saved in parts of as many as the store likes.
///
/// Idempotent: the same candles twice leave the same. Each step is kept before the next longer one is made from what
/// is kept, so an interrupted run is mended by repeating it. This is what imports and a feed's first start do; a
/// running feed's candles of all timeframes come out of [`crate::HotMarket`] instead.
///
/// # Errors
/// What the store says.
pub async fn keep_candles(store: &dyn MarketStore, candles: &[Candle]) -> Result<(), MarketStoreError> {
    let Some(first) = candles.first() else { return Ok(()) };
    save(store, candles).await?;
    let longer = Timeframe::ALL.into_iter().filter(|timeframe| *timeframe > first.timeframe);
    let mut shorter = first.timeframe;
    for timeframe in longer {
        roll_up(store, candles, shorter, timeframe).await?;
        shorter = timeframe;
    }
    Ok(())
}

async fn save(store: &dyn MarketStore, candles: &[Candle]) -> Result<(), MarketStoreError> {
    for part in candles.chunks(store.candles_at_once().max(1)) {
        store.save_candles(part).await?;
    }
    Ok(())
}

/// Makes the candles of `timeframe` that `candles` fall into, from those of `shorter` that are kept.
async fn roll_up(
    store: &dyn MarketStore,
    candles: &[Candle],
    shorter: Timeframe,
    timeframe: Timeframe,
) -> Result<(), MarketStoreError> {
    let mut opens: Vec<Timestamp> = candles.iter().map(|candle| timeframe.open_of(candle.open_time)).collect();
    opens.dedup();
    let reach = shorter.duration().saturating_mul(READ);
    let (mut rest, mut made, mut is_first) = (opens.as_slice(), Vec::new(), true);
    while let (Some(first), Some(of)) = (rest.first(), candles.first()) {
        let near = rest.partition_point(|open| timeframe.next_open(*open).since(*first) <= reach);
        let (opens, later) = rest.split_at(near.max(1));
        let run = Run { of, shorter, timeframe, opens, is_first, next: later.first().copied() };
        made.extend(run.make(store).await?);
        if made.len() >= store.candles_at_once() {
            save(store, &made).await?;
            made.clear();
        }
        (rest, is_first) = (later, false);
    }
    save(store, &made).await
}

/// Candles to make that are near each other.
struct Run<'a> {
    /// Of the same symbol.
    of: &'a Candle,
    shorter: Timeframe,
    timeframe: Timeframe,
    /// When those to make open, oldest first; at least one.
    opens: &'a [Timestamp],
    /// Whether nothing is made before them.
    is_first: bool,
    /// When the next one to make after them opens.
    next: Option<Timestamp>,
}

impl Run<'_> {
    async fn make(&self, store: &dyn MarketStore) -> Result<Vec<Candle>, MarketStoreError> {
        let (Some(first), Some(last)) = (self.opens.first(), self.opens.last()) else { return Ok(Vec::new()) };
        // The candle before the run is read too: it says whether there is a gap before the run.
        let from = if self.is_first { *first } else { first.minus(self.timeframe.duration()) };
        let to = self.timeframe.next_open(*last);
        let most = to.since(from).as_secs() / u64::from(self.shorter.seconds());
        let query = CandleQuery {
            symbol: self.of.symbol,
            timeframe: self.shorter,
            from: Some(from),
            to: Some(to),
            order: CandleOrder::OldestFirst,
            limit: u32::try_from(most).unwrap_or(u32::MAX),
        };
        let parts = store.candles(&query).await?;
        let follows = parts.first().is_some_and(|part| part.open_time < *first);
        let (mut rollup, mut made) = (CandleRollup::new(self.timeframe, 0), Vec::new());
        for part in parts {
            rollup.count(&part, &mut made);
            if part.complete {
                rollup.advance(part.close_time(), &mut made);
            }
        }
        // Something later is there, so the time of these is over.
        if let Some(next) = self.next {
            rollup.advance(next, &mut made);
        }
        made.extend(rollup.current(None));
        made.retain(|candle| self.opens.binary_search(&candle.open_time).is_ok());
        if let Some(candle) = made.first_mut()
            && !self.is_first
            && !follows
        {
            candle.gap_before = true;
        }
        Ok(made)
    }
}
