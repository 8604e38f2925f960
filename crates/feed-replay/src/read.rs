//! Reading CSV files, plain or gzipped.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use velox_market::csv::{BarRow, CsvError, CsvLines, CsvRow, QuoteRow, TradeRow};

/// The longest line that is read, in bytes; nothing sensible is longer.
const LONGEST_LINE: u64 = 4_096;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened or read, or is neither text nor gzip.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// A line cannot be understood.
    #[error("{0}")]
    Line(#[from] CsvError),
    /// A line is longer than any line of market data.
    #[error("line {line}: is longer than {LONGEST_LINE} bytes")]
    LineTooLong {
        /// Which line, from 1.
        line: u64,
    },
}

/// Reads a file of bars (`timestamp,open,high,low,close,volume`). It blocks: call it where that is allowed.
///
/// # Errors
/// As [`ReadError`] says; the first bad line ends it.
pub fn read_bars(path: &Path) -> Result<Vec<BarRow>, ReadError> {
    read_rows(path)
}

/// Reads a file of trades (`timestamp,trade_id,price,quantity,buyer_maker`). It blocks.
///
/// # Errors
/// As [`ReadError`] says; the first bad line ends it.
pub fn read_trades(path: &Path) -> Result<Vec<TradeRow>, ReadError> {
    read_rows(path)
}

/// Reads a file of quotes (`timestamp,bid,bid_size,ask,ask_size`). It blocks.
///
/// # Errors
/// As [`ReadError`] says; the first bad line ends it.
pub fn read_quotes(path: &Path) -> Result<Vec<QuoteRow>, ReadError> {
    read_rows(path)
}

fn read_rows<R: CsvRow>(path: &Path) -> Result<Vec<R>, ReadError> {
    let mut file = BufReader::new(File::open(path)?);
    let gzipped = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    if gzipped { rows(BufReader::new(GzDecoder::new(file))) } else { rows(file) }
}

fn rows<R: CsvRow>(mut source: impl BufRead) -> Result<Vec<R>, ReadError> {
    let (mut lines, mut rows, mut line) = (CsvLines::<R>::default(), Vec::new(), String::new());
    while (&mut source).take(LONGEST_LINE).read_line(&mut line)? > 0 {
        if u64::try_from(line.len()).unwrap_or(u64::MAX) >= LONGEST_LINE && !line.ends_with('\n') {
            return Err(ReadError::LineTooLong { line: lines.lines() + 1 });
        }
        rows.extend(lines.read(&line)?);
        line.clear();
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_an_end_is_not_swallowed() {
        let endless = "1".repeat(10_000);
        let text = format!("1640995200,1,3,1,2,5\n{endless}\n");
        let error = rows::<BarRow>(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "line 2: is longer than 4096 bytes");
    }

    #[test]
    fn the_bad_line_is_named() {
        let error = rows::<BarRow>("1640995200,1,3,1,2,5\n\n1640995260,1,3,1,2,\n".as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "line 3, column volume: is not a decimal number");
    }
}
