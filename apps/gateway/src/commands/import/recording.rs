//! [`Recording`]: a CSV file, plain or gzip, and its rows.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use velox_market::csv::{BarRow, CsvLines, CsvRow, TradeRow};

use super::progress::Progress;

/// The longest line, in bytes: whatever is longer is no line of ours.
const LONGEST_LINE: u64 = 4_096;
/// What a gzip file starts with (RFC 1952 §2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line says something it must not say.
    #[error("{}, {bad}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, and why.
        bad: BadLine,
    },
    /// The first line says neither bars nor trades.
    #[error(
        "{} starts with `{start}`: it must start with the columns {} for bars or {} for trades",
        path.display(), BarRow::COLUMNS.join(","), TradeRow::COLUMNS.join(",")
    )]
    UnknownKind {
        /// The file.
        path: PathBuf,
        /// How its first line starts.
        start: String,
    },
}

/// A line that cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Which, from 1, the header included.
    pub line: u64,
    /// Which column; `None` where it is the line as a whole.
    pub column: Option<&'static str>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// What a recording holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bars,
    Trades,
}

/// A CSV file whose kind is known.
pub(super) struct Recording {
    path: PathBuf,
    pub(super) kind: Kind,
    /// Its size on disk, in bytes.
    pub(super) size: u64,
}

impl Recording {
    /// Looks at the file's first line.
    pub(super) fn find(path: &Path) -> Result<Self, RecordingError> {
        let fail = |source| RecordingError::File { path: path.to_owned(), source };
        let file = File::open(path).map_err(fail)?;
        let size = file.metadata().map_err(fail)?.len();
        let mut lines = Lines::new(path, file)?;
        let first = loop {
            match lines.next_line()? {
                Some(line) if line.trim().is_empty() => {}
                Some(line) => break line.trim_start_matches('\u{feff}').trim().to_owned(),
                None => break String::new(),
            }
        };
        let kind = kind_of(&first).ok_or_else(|| {
            let start = first.chars().take(60).collect();
            RecordingError::UnknownKind { path: path.to_owned(), start }
        })?;
        Ok(Self { path: path.to_owned(), kind, size })
    }

    /// Its rows, from the start.
    pub(super) fn rows<R: CsvRow>(&self, progress: &Progress) -> Result<Rows<R>, RecordingError> {
        let fail = |source| RecordingError::File { path: self.path.clone(), source };
        let file = progress.follow(File::open(&self.path).map_err(fail)?);
        Ok(Rows { lines: Lines::new(&self.path, file)?, csv: CsvLines::default() })
    }
}

/// A header says which columns there are. Without one, six fields are a bar, and five that end in a truth value a
/// trade: a quote has five, too.
fn kind_of(first: &str) -> Option<Kind> {
    let fields: Vec<&str> = first.split(',').map(str::trim).collect();
    let has = |name: &str| fields.iter().any(|field| field.eq_ignore_ascii_case(name));
    if has("open") && has("close") {
        return Some(Kind::Bars);
    }
    if has("trade_id") || has("buyer_maker") {
        return Some(Kind::Trades);
    }
    let headless = fields[0].starts_with(|sign: char| sign.is_ascii_digit());
    match fields.as_slice() {
        [_, _, _, _, _, _] if headless => Some(Kind::Bars),
        [_, _, _, _, last] if headless && (last.eq_ignore_ascii_case("true") || last.eq_ignore_ascii_case("false")) => {
            Some(Kind::Trades)
        }
        _ => None,
    }
}

/// The rows of a recording, each with its line.
pub(super) struct Rows<R> {
    lines: Lines,
    csv: CsvLines<R>,
}

impl<R: CsvRow> Rows<R> {
    pub(super) fn next_row(&mut self) -> Result<Option<(u64, R)>, RecordingError> {
        loop {
            let Some(text) = self.lines.next_line()? else { return Ok(None) };
            match self.csv.read(text) {
                Ok(Some(row)) => return Ok(Some((self.lines.line, row))),
                Ok(None) => {}
                Err(wrong) => {
                    let (line, column, reason) = (wrong.line, wrong.column, wrong.problem.to_string());
                    return Err(self.refuse(BadLine { line, column, reason }));
                }
            }
        }
    }

    pub(super) fn refuse(&self, bad: BadLine) -> RecordingError {
        RecordingError::Line { path: self.lines.path.clone(), bad }
    }
}

/// Lines of a bounded length.
struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    buffer: Vec<u8>,
    line: u64,
}

impl Lines {
    fn new(path: &Path, file: impl Read + 'static) -> Result<Self, RecordingError> {
        let mut file = BufReader::with_capacity(1 << 16, file);
        let start = file.fill_buf().map_err(|source| RecordingError::File { path: path.to_owned(), source })?;
        let reader: Box<dyn BufRead> =
            if start.starts_with(&GZIP) { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) };
        Ok(Self { path: path.to_owned(), reader, buffer: Vec::new(), line: 0 })
    }

    fn next_line(&mut self) -> Result<Option<&str>, RecordingError> {
        self.buffer.clear();
        let read = (&mut self.reader).take(LONGEST_LINE).read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|source| RecordingError::File { path: self.path.clone(), source })?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        let refuse = |reason: String| RecordingError::Line {
            path: self.path.clone(),
            bad: BadLine { line: self.line, column: None, reason },
        };
        if self.buffer.last() != Some(&b'\n') && u64::try_from(read).is_ok_and(|read| read == LONGEST_LINE) {
            return Err(refuse(format!("has more than {LONGEST_LINE} bytes")));
        }
        std::str::from_utf8(&self.buffer).map(Some).map_err(|_| refuse("is not UTF-8 text".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_what_it_is() {
        for (first, kind) in [
            ("timestamp,open,high,low,close,volume", Some(Kind::Bars)),
            ("Close,Open,time", Some(Kind::Bars)),
            ("2022-01-01T00:00:00Z,1,3,1,2,5", Some(Kind::Bars)),
            ("timestamp,trade_id,price,quantity,buyer_maker", Some(Kind::Trades)),
            ("1640995200,7,3,1,True", Some(Kind::Trades)),
            ("timestamp,bid,bid_size,ask,ask_size", None),
            ("1640995200,9,1,10,1", None),
            ("", None),
        ] {
            assert_eq!(kind_of(first), kind, "{first}");
        }
    }
}
