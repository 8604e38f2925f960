//! Keeping candles of one timeframe together with the longer ones they make.

use velox_kernel::Timeframe;

use crate::{Candle, CandleOrder, CandleQuery, CandleRollup, MarketStore, MarketStoreError};

/// Keeps candles of one symbol and timeframe, oldest first, and makes every longer timeframe anew where they fall.
///
/// Idempotent: the same candles twice leave the same. Each step is kept before the next longer one is made from what
/// is kept, so an interrupted run is mended by repeating it. This is what imports and a feed's first start do; a
/// running feed's candles of all timeframes come out of [`crate::HotMarket`] instead.
///
/// # Errors
/// What the store says.
pub async fn keep_candles(store: &dyn MarketStore, candles: &[Candle]) -> Result<(), MarketStoreError> {
    let (Some(first), Some(last)) = (candles.first(), candles.last()) else {
        return Ok(());
    };
    store.save_candles(candles).await?;
    let longer = Timeframe::ALL.into_iter().filter(|timeframe| *timeframe > first.timeframe);
    let mut shorter = first.timeframe;
    for timeframe in longer {
        let from = timeframe.open_of(first.open_time);
        let to = timeframe.next_open(last.open_time);
        let made = roll_up(store, first, shorter, timeframe, from, to).await?;
        store.save_candles(&made).await?;
        shorter = timeframe;
    }
    Ok(())
}

async fn roll_up(
    store: &dyn MarketStore,
    of: &Candle,
    shorter: Timeframe,
    timeframe: Timeframe,
    from: velox_kernel::Timestamp,
    to: velox_kernel::Timestamp,
) -> Result<Vec<Candle>, MarketStoreError> {
    let most = to.since(from).as_secs() / u64::from(shorter.seconds());
    let limit = u32::try_from(most).unwrap_or(u32::MAX);
    let order = CandleOrder::OldestFirst;
    let query = CandleQuery { symbol: of.symbol, timeframe: shorter, from: Some(from), to: Some(to), order, limit };
    let mut rollup = CandleRollup::new(timeframe, 0);
    let mut made = Vec::new();
    for part in store.candles(&query).await? {
        rollup.count(&part, &mut made);
        if part.complete {
            rollup.advance(part.close_time(), &mut made);
        }
    }
    made.extend(rollup.current(None));
    Ok(made)
}
