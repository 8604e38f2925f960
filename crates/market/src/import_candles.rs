//! Loading recorded bars.

use velox_kernel::{Actor, Symbol, Timeframe, Timestamp};

use crate::csv::{BarRow, CsvProblem};
use crate::{Market, MarketStoreError};

/// A batch of recorded bars of one symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportCandles {
    /// Of what.
    pub symbol: Symbol,
    /// How long they are.
    pub timeframe: Timeframe,
    /// The bars, oldest first; at most [`ImportCandles::LARGEST`].
    pub bars: Vec<BarRow>,
}

impl ImportCandles {
    /// The most bars of a batch.
    pub const LARGEST: usize = 5_000;
}

/// Why a batch of bars is not loaded. Nothing of it is kept, but for a store that fails on the way, which sending the
/// batch again mends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportCandlesError {
    /// No instrument has this symbol.
    #[error("no instrument has this symbol")]
    UnknownSymbol,
    /// More than [`ImportCandles::LARGEST`] bars.
    #[error("a batch holds at most {} bars", ImportCandles::LARGEST)]
    TooMany,
    /// A bar that does not open where bars of its length do.
    #[error("bar {index} opens at {at}, which is no opening time of {timeframe}")]
    Misaligned {
        /// Which bar of the batch, from 0.
        index: usize,
        /// When it opens.
        at: Timestamp,
        /// How long it is.
        timeframe: Timeframe,
    },
    /// A bar that does not open after the one before.
    #[error("bar {index} does not open after the one before it")]
    OutOfOrder {
        /// Which bar of the batch, from 0.
        index: usize,
    },
    /// A bar whose prices do not fit each other.
    #[error("the {column} of bar {index} {problem}")]
    Impossible {
        /// Which bar of the batch, from 0.
        index: usize,
        /// Which of its prices.
        column: &'static str,
        /// What is wrong with it.
        problem: CsvProblem,
    },
    /// The store did not take them.
    #[error(transparent)]
    Store(#[from] MarketStoreError),
}

/// Keeps a batch of recorded bars, and makes the longer timeframes anew where they fall. Gives back how many bars it
/// kept. Loading the same batch again changes nothing.
///
/// # Errors
/// As [`ImportCandlesError`] says.
pub async fn import_candles(
    _actor: &Actor,
    market: &Market,
    batch: ImportCandles,
) -> Result<usize, ImportCandlesError> {
    let ImportCandles { symbol, timeframe, bars } = batch;
    if bars.len() > ImportCandles::LARGEST {
        return Err(ImportCandlesError::TooMany);
    }
    let instrument = market.store.instrument(symbol).await?.ok_or(ImportCandlesError::UnknownSymbol)?;
    let mut previous = None;
    for (index, bar) in bars.iter().enumerate() {
        if timeframe.open_of(bar.at) != bar.at {
            return Err(ImportCandlesError::Misaligned { index, at: bar.at, timeframe });
        }
        if previous.is_some_and(|previous| bar.at <= previous) {
            return Err(ImportCandlesError::OutOfOrder { index });
        }
        bar.check().map_err(|(column, problem)| ImportCandlesError::Impossible { index, column, problem })?;
        previous = Some(bar.at);
    }
    let mut candles: Vec<_> = bars.iter().map(|bar| bar.candle(&instrument, timeframe)).collect();
    for index in 1..candles.len() {
        let gap = candles[index - 1].close_time() != candles[index].open_time;
        candles[index].gap_before = gap;
    }
    market.replace(&candles).await?;
    Ok(candles.len())
}
