//! Market data as CSV lines: bars, trades and quotes, read line by line, with the line and column of what is wrong.

mod bar;
mod quote;
mod trade;

use std::marker::PhantomData;

use velox_kernel::{Decimal, DecimalError, Price, Quantity, Timestamp};

pub use bar::BarRow;
pub use quote::QuoteRow;
pub use trade::TradeRow;

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvProblem {
    /// Not RFC 3339 and not a count of seconds, milliseconds or microseconds.
    #[error("is neither an RFC 3339 time nor a Unix time")]
    NotATime,
    /// Not a decimal number that fits.
    #[error("{0}")]
    NotANumber(DecimalError),
    /// Zero or less where something must be above it.
    #[error("must be above zero")]
    NotPositive,
    /// Less than zero.
    #[error("must not be negative")]
    Negative,
    /// Not a whole number.
    #[error("must be a whole number")]
    NotAnId,
    /// Neither true nor false.
    #[error("must be true or false")]
    NotABool,
    /// A high below another price of its bar.
    #[error("is below the bar's open, low or close")]
    HighTooLow,
    /// A low above another price of its bar.
    #[error("is above the bar's open or close")]
    LowTooHigh,
    /// An ask below its bid.
    #[error("is below the bid")]
    AskBelowBid,
    /// A time before that of the line before.
    #[error("goes back in time: the line before has {previous}")]
    OutOfOrder {
        /// The time of the line before.
        previous: Timestamp,
    },
    /// The same bar or trade as on the line before.
    #[error("repeats the line before")]
    Repeated,
    /// Another number of fields than there are columns.
    #[error("has {found} fields instead of {expected}")]
    FieldCount {
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A header without a column that is needed.
    #[error("is missing from the header")]
    MissingColumn,
}

/// A line that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvError {
    /// Which line, from 1, the header included.
    pub line: u64,
    /// Which column; `None` where it is the line as a whole.
    pub column: Option<&'static str>,
    /// What is wrong.
    pub problem: CsvProblem,
}

impl std::error::Error for CsvError {}

impl std::fmt::Display for CsvError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// What is wrong, and in which column.
pub type Problem = (&'static str, CsvProblem);

/// A kind of line.
pub trait CsvRow: Copy {
    /// Its columns, in the order they have without a header.
    const COLUMNS: &'static [&'static str];

    /// Reads the fields of a line.
    ///
    /// # Errors
    /// The column that cannot be read, and why.
    fn read(fields: &Fields<'_>) -> Result<Self, Problem>;

    /// Whether it may follow another line.
    ///
    /// # Errors
    /// The column that says it may not, and why.
    fn follows(&self, previous: &Self) -> Result<(), Problem>;
}

/// The fields of a line, by column.
#[derive(Debug)]
pub struct Fields<'a> {
    columns: &'static [&'static str],
    values: Vec<&'a str>,
}

impl Fields<'_> {
    fn text(&self, column: &'static str) -> &str {
        let index = self.columns.iter().position(|one| *one == column);
        index.and_then(|index| self.values.get(index)).copied().unwrap_or_default()
    }

    /// RFC 3339, or a Unix time in seconds (up to 11 digits), milliseconds (12 to 14) or microseconds (15 to 17).
    fn time(&self, column: &'static str) -> Result<Timestamp, Problem> {
        read_time(self.text(column)).ok_or((column, CsvProblem::NotATime))
    }

    fn decimal(&self, column: &'static str) -> Result<Decimal, Problem> {
        self.text(column).parse().map_err(|error| (column, CsvProblem::NotANumber(error)))
    }

    fn price(&self, column: &'static str) -> Result<Price, Problem> {
        let price = self.decimal(column)?;
        if price.is_positive() { Ok(Price::new(price)) } else { Err((column, CsvProblem::NotPositive)) }
    }

    fn amount(&self, column: &'static str) -> Result<Decimal, Problem> {
        let amount = self.decimal(column)?;
        if amount.is_negative() { Err((column, CsvProblem::Negative)) } else { Ok(amount) }
    }

    fn quantity(&self, column: &'static str) -> Result<Quantity, Problem> {
        self.amount(column).map(Quantity::new)
    }

    fn id(&self, column: &'static str) -> Result<u64, Problem> {
        self.text(column).parse().map_err(|_| (column, CsvProblem::NotAnId))
    }

    fn bool(&self, column: &'static str) -> Result<bool, Problem> {
        match self.text(column) {
            "True" | "true" | "TRUE" | "1" => Ok(true),
            "False" | "false" | "FALSE" | "0" => Ok(false),
            _ => Err((column, CsvProblem::NotABool)),
        }
    }
}

fn read_time(text: &str) -> Option<Timestamp> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let micros_each = match text.len() {
        1..=11 => 1_000_000,
        12..=14 => 1_000,
        15..=17 => 1,
        _ => return None,
    };
    text.parse::<i64>().ok()?.checked_mul(micros_each).map(Timestamp::from_micros)
}

/// Reads lines of one kind. A line that cannot be read leaves it ready for the next one.
///
/// The first line is a header when its first field is no time: then the columns may stand in any order, among others
/// that are not looked at. Without a header they stand in the order of [`CsvRow::COLUMNS`].
#[derive(Debug)]
pub struct CsvLines<R> {
    line: u64,
    /// For each field of a line, which column it is.
    layout: Option<Vec<Option<usize>>>,
    previous: Option<R>,
    row: PhantomData<R>,
}

impl<R: CsvRow> Default for CsvLines<R> {
    fn default() -> Self {
        Self { line: 0, layout: None, previous: None, row: PhantomData }
    }
}

impl<R: CsvRow> CsvLines<R> {
    /// Reads the next line, with or without its line break; `None` for the header and for empty lines.
    ///
    /// # Errors
    /// What is wrong with it, where.
    pub fn read(&mut self, text: &str) -> Result<Option<R>, CsvError> {
        self.line += 1;
        let line = self.line;
        let wrong = |(column, problem): Problem| CsvError { line, column: Some(column), problem };
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Ok(None);
        }
        let Some(layout) = &self.layout else {
            let fields: Vec<_> = text.split(',').map(str::trim).collect();
            if fields.first().copied().and_then(read_time).is_some() {
                self.layout = Some((0..R::COLUMNS.len()).map(Some).collect());
                return self.read_again(text);
            }
            let known = |field: &&str| R::COLUMNS.iter().position(|column| column.eq_ignore_ascii_case(field));
            let layout: Vec<_> = fields.iter().map(known).collect();
            let missing = (0..R::COLUMNS.len()).find(|column| !layout.contains(&Some(*column)));
            if let Some(column) = missing.and_then(|index| R::COLUMNS.get(index)) {
                return Err(wrong((column, CsvProblem::MissingColumn)));
            }
            self.layout = Some(layout);
            return Ok(None);
        };
        let found = text.split(',').count();
        if found != layout.len() {
            let problem = CsvProblem::FieldCount { expected: layout.len(), found };
            return Err(CsvError { line, column: None, problem });
        }
        let mut values = vec![""; R::COLUMNS.len()];
        for (field, column) in text.split(',').zip(layout) {
            if let Some(slot) = column.and_then(|column| values.get_mut(column)) {
                *slot = field.trim();
            }
        }
        let row = R::read(&Fields { columns: R::COLUMNS, values }).map_err(wrong)?;
        if let Some(previous) = &self.previous {
            row.follows(previous).map_err(wrong)?;
        }
        self.previous = Some(row);
        Ok(Some(row))
    }

    /// How many lines were read.
    #[must_use]
    pub const fn lines(&self) -> u64 {
        self.line
    }

    /// The first line once more, now that it is known to be no header.
    fn read_again(&mut self, text: &str) -> Result<Option<R>, CsvError> {
        self.line -= 1;
        self.read(text)
    }
}

/// Whether times go on.
fn in_order(column: &'static str, at: Timestamp, previous: Timestamp) -> Result<(), Problem> {
    if at < previous { Err((column, CsvProblem::OutOfOrder { previous })) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<R: CsvRow>(text: &str) -> Vec<Result<R, String>> {
        let mut lines = CsvLines::default();
        text.lines().filter_map(|line| lines.read(line).transpose()).map(|row| row.map_err(|e| e.to_string())).collect()
    }

    fn only_error<R: CsvRow>(text: &str) -> String {
        let mut errors: Vec<_> = read::<R>(text).into_iter().filter_map(Result::err).collect();
        assert_eq!(errors.len(), 1, "{text}");
        errors.remove(0)
    }

    #[test]
    fn a_header_may_reorder_and_add_columns() {
        let with = "close,OPEN,high,low,note,volume,timestamp\n2,1,3,1,x,5,2022-01-01T00:00:00Z\n";
        let without = "2022-01-01T00:00:00Z,1,3,1,2,5";
        assert_eq!(read::<BarRow>(with), read::<BarRow>(without));
        assert!(read::<BarRow>(with)[0].is_ok());
        assert_eq!(
            only_error::<BarRow>("timestamp,open,high,low,close"),
            "line 1, column volume: is missing from the header"
        );
    }

    #[test]
    fn times_come_in_four_spellings() {
        for time in ["2022-01-01T00:00:00Z", "1640995200", "1640995200000", "1640995200000000"] {
            let row = read::<BarRow>(&format!("{time},1,3,1,2,5")).remove(0).unwrap();
            assert_eq!(row.at, Timestamp::from_seconds(1_640_995_200), "{time}");
        }
    }

    #[test]
    fn a_bad_line_is_named_and_the_next_one_is_read() {
        let text = "timestamp,open,high,low,close,volume\r\n\r\n1640995200,1,3,1,x,5\r\n1640995260,1,3,1,2,5\r\n";
        let rows = read::<BarRow>(text);
        assert_eq!(rows[0], Err("line 3, column close: is not a decimal number".to_owned()));
        assert!(rows[1].is_ok());
    }

    #[test]
    fn impossible_lines_are_refused() {
        let bar = |rest: &str| only_error::<BarRow>(&format!("1640995200,1,3,1,2,5\n{rest}"));
        assert_eq!(bar("1640995260,1,3,1,5,5"), "line 2, column high: is below the bar's open, low or close");
        assert_eq!(bar("1640995260,2,3,2.5,3,5"), "line 2, column low: is above the bar's open or close");
        assert_eq!(bar("1640995260,0,3,1,2,5"), "line 2, column open: must be above zero");
        assert_eq!(bar("1640995260,1,3,1,2,-5"), "line 2, column volume: must not be negative");
        assert_eq!(bar("1640995200,1,3,1,2,5"), "line 2, column timestamp: repeats the line before");
        assert_eq!(bar("soon,1,3,1,2,5"), "line 2, column timestamp: is neither an RFC 3339 time nor a Unix time");
        assert_eq!(bar("1640995260,1,3,1,2"), "line 2: has 5 fields instead of 6");
        let back = "line 2, column timestamp: goes back in time: the line before has 2022-01-01T00:00:00Z";
        assert_eq!(bar("1640995140,1,3,1,2,5"), back);
        let trade = |rest: &str| only_error::<TradeRow>(&format!("1640995200,7,3,1,True\n{rest}"));
        assert_eq!(trade("1640995200,7,3,1,True"), "line 2, column trade_id: repeats the line before");
        assert_eq!(trade("1640995200,8,3,0,True"), "line 2, column quantity: must be above zero");
        assert_eq!(trade("1640995200,8,3,1,maybe"), "line 2, column buyer_maker: must be true or false");
        assert_eq!(trade("1640995200,-8,3,1,True"), "line 2, column trade_id: must be a whole number");
        assert_eq!(only_error::<QuoteRow>("1640995200,10,1,9,1"), "line 1, column ask: is below the bid");
    }
}
