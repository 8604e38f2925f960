//! Rows in batches that the market's use cases take.

use velox_kernel::{Timeframe, Timestamp};
use velox_market::csv::{BarRow, TradeRow};
use velox_market::{ImportCandles, ImportTrades};

use super::recording::{BadLine, RecordingError, Rows};

/// Trades after which a batch ends at the next minute.
const ENOUGH_TRADES: usize = 5_000;

/// Rows that are loaded together.
pub(super) struct Batch<R> {
    /// The line of its first row.
    pub(super) line: u64,
    /// The rows, in the file's order.
    pub(super) rows: Vec<R>,
}

/// Bars in batches.
pub(super) struct BarBatches {
    rows: Rows<BarRow>,
    timeframe: Timeframe,
}

impl BarBatches {
    pub(super) const fn new(rows: Rows<BarRow>, timeframe: Timeframe) -> Self {
        Self { rows, timeframe }
    }

    fn read(&mut self) -> Result<Batch<BarRow>, RecordingError> {
        let mut batch = Batch { line: 0, rows: Vec::new() };
        while batch.rows.len() < ImportCandles::LARGEST
            && let Some((line, row)) = self.rows.next_row()?
        {
            if self.timeframe.open_of(row.at) != row.at {
                let reason = format!("{} is no opening time of {} bars", row.at, self.timeframe);
                return Err(self.rows.refuse(BadLine { line, column: Some("timestamp"), reason }));
            }
            if batch.rows.is_empty() {
                batch.line = line;
            }
            batch.rows.push(row);
        }
        Ok(batch)
    }
}

impl Iterator for BarBatches {
    type Item = Result<Batch<BarRow>, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().map(|batch| (!batch.rows.is_empty()).then_some(batch)).transpose()
    }
}

/// Trades in batches of whole minutes: a batch replaces the minutes it falls into.
pub(super) struct TradeBatches {
    rows: Rows<TradeRow>,
    /// The first row of the next batch.
    held: Option<(u64, TradeRow)>,
}

impl TradeBatches {
    pub(super) const fn new(rows: Rows<TradeRow>) -> Self {
        Self { rows, held: None }
    }

    fn read(&mut self) -> Result<Batch<TradeRow>, RecordingError> {
        let mut batch = Batch { line: 0, rows: Vec::new() };
        let mut minute: Option<Timestamp> = None;
        while let Some((line, row)) = self.held.take().map_or_else(|| self.rows.next_row(), |held| Ok(Some(held)))? {
            let opened = Timeframe::M1.open_of(row.at);
            if minute != Some(opened) && batch.rows.len() >= ENOUGH_TRADES {
                self.held = Some((line, row));
                break;
            }
            if batch.rows.len() == ImportTrades::LARGEST {
                let reason = format!("more than {} trades cannot be cut between two minutes", ImportTrades::LARGEST);
                return Err(self.rows.refuse(BadLine { line, column: None, reason }));
            }
            minute = Some(opened);
            if batch.rows.is_empty() {
                batch.line = line;
            }
            batch.rows.push(row);
        }
        Ok(batch)
    }
}

impl Iterator for TradeBatches {
    type Item = Result<Batch<TradeRow>, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().map(|batch| (!batch.rows.is_empty()).then_some(batch)).transpose()
    }
}
