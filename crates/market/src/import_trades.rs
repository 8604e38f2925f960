//! Loading recorded trades, as the candles they make.

use velox_kernel::{Actor, Symbol, Timeframe};

use crate::csv::TradeRow;
use crate::{CandleBuilder, FeedCursor, Market, MarketStoreError};

/// A batch of recorded trades of one symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportTrades {
    /// Of what.
    pub symbol: Symbol,
    /// The trades, by time; at most [`ImportTrades::LARGEST`].
    pub trades: Vec<TradeRow>,
}

impl ImportTrades {
    /// The most trades of a batch.
    pub const LARGEST: usize = 50_000;
}

/// Why a batch of trades is not loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportTradesError {
    /// No instrument has this symbol.
    #[error("no instrument has this symbol")]
    UnknownSymbol,
    /// More than [`ImportTrades::LARGEST`] trades.
    #[error("a batch holds at most {} trades", ImportTrades::LARGEST)]
    TooMany,
    /// A trade earlier than the one before.
    #[error("trade {index} is earlier than the one before it")]
    OutOfOrder {
        /// Which trade of the batch, from 0.
        index: usize,
    },
    /// The store did not take them.
    #[error(transparent)]
    Store(#[from] MarketStoreError),
}

/// Keeps the minutes that a batch of trades makes, and the longer timeframes from them. Gives back how many trades
/// counted; a number told twice counts once.
///
/// A batch replaces the minutes it falls into: cut batches between two minutes. That makes loading one again change
/// nothing.
///
/// # Errors
/// As [`ImportTradesError`] says.
pub async fn import_trades(_actor: &Actor, market: &Market, batch: ImportTrades) -> Result<u64, ImportTradesError> {
    let ImportTrades { symbol, trades } = batch;
    if trades.len() > ImportTrades::LARGEST {
        return Err(ImportTradesError::TooMany);
    }
    if market.store.instrument(symbol).await?.is_none() {
        return Err(ImportTradesError::UnknownSymbol);
    }
    if let Some(index) = (1..trades.len()).find(|index| trades[*index].at < trades[*index - 1].at) {
        return Err(ImportTradesError::OutOfOrder { index });
    }
    let (mut builder, mut minutes) = (CandleBuilder::new(symbol, Timeframe::M1, 0), Vec::new());
    for row in &trades {
        builder.count(&row.trade(symbol, row.at, FeedCursor::default(), false), &mut minutes);
    }
    if let Some(last) = trades.last() {
        builder.advance(Timeframe::M1.next_open(last.at), &mut minutes);
    }
    market.replace(&minutes).await?;
    Ok(minutes.iter().map(|minute| minute.trades).sum())
}
