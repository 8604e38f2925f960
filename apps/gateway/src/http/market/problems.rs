//! From the market's errors to problems: each variant once.

use std::time::Duration;

use velox_kernel::error_code;
use velox_market::{
    GetQuoteError, GetSymbolError, ImportCandlesError, ImportTradesError, ListCandlesError, ListQuotesError,
    ListSymbolsError, MarketStoreError,
};

use crate::http::Problem;

/// When to try again where nobody knows better.
const SOON: Duration = Duration::from_secs(1);

/// A symbol in the path that names no instrument.
pub(super) fn no_symbol() -> Problem {
    Problem::of(error_code::NOT_FOUND).detail("No instrument has this symbol.")
}

fn invalid_cursor() -> Problem {
    Problem::of(error_code::INVALID_CURSOR).detail("`after` is not a cursor that this list gave out.")
}

/// A batch whose rows do not fit each other or their place.
fn bad_row(pointer: String, detail: impl std::fmt::Display) -> Problem {
    Problem::of(error_code::INVALID_REQUEST).field(pointer, detail)
}

impl From<MarketStoreError> for Problem {
    /// Whatever was asked may be asked again: what is saved twice is there once.
    fn from(error: MarketStoreError) -> Self {
        match &error {
            MarketStoreError::Unavailable { .. } => {
                Self::of(error_code::STORE_UNAVAILABLE).retry_after(SOON).caused_by(error)
            }
            MarketStoreError::Unreadable { .. } => Self::internal(error),
        }
    }
}

/// A store that fails on an upload may have kept a part of it.
fn upload_failed(error: MarketStoreError) -> Problem {
    match &error {
        MarketStoreError::Unavailable { .. } => Problem::of(error_code::OUTCOME_UNKNOWN)
            .detail("A part of the batch may be kept. Send it again: what is kept twice is there once.")
            .retry_after(SOON)
            .caused_by(error),
        MarketStoreError::Unreadable { .. } => Problem::internal(error),
    }
}

impl From<GetSymbolError> for Problem {
    fn from(error: GetSymbolError) -> Self {
        match error {
            GetSymbolError::Store(error) => error.into(),
        }
    }
}

impl From<ListSymbolsError> for Problem {
    fn from(error: ListSymbolsError) -> Self {
        match error {
            ListSymbolsError::InvalidCursor => invalid_cursor(),
            ListSymbolsError::Store(error) => error.into(),
        }
    }
}

impl From<GetQuoteError> for Problem {
    fn from(error: GetQuoteError) -> Self {
        match error {
            GetQuoteError::UnknownSymbol => no_symbol(),
            GetQuoteError::Store(error) => error.into(),
        }
    }
}

impl From<ListQuotesError> for Problem {
    fn from(error: ListQuotesError) -> Self {
        match error {
            ListQuotesError::Store(error) => error.into(),
        }
    }
}

impl From<ListCandlesError> for Problem {
    fn from(error: ListCandlesError) -> Self {
        match error {
            ListCandlesError::UnknownSymbol => no_symbol(),
            ListCandlesError::EmptyRange => Self::parameter("to", "must be later than `from`"),
            ListCandlesError::InvalidCursor => invalid_cursor(),
            ListCandlesError::Store(error) => error.into(),
        }
    }
}

impl From<ImportCandlesError> for Problem {
    fn from(error: ImportCandlesError) -> Self {
        match error {
            ImportCandlesError::UnknownSymbol => no_symbol(),
            ImportCandlesError::TooMany => bad_row("/candles".to_owned(), error),
            ImportCandlesError::Misaligned { index, timeframe, .. } => {
                bad_row(format!("/candles/{index}/open_time"), format!("is no opening time of {timeframe}"))
            }
            ImportCandlesError::OutOfOrder { index } => {
                bad_row(format!("/candles/{index}/open_time"), "must be later than that of the candle before it")
            }
            ImportCandlesError::Impossible { index, column, problem } => {
                bad_row(format!("/candles/{index}/{column}"), problem)
            }
            ImportCandlesError::Store(error) => upload_failed(error),
        }
    }
}

impl From<ImportTradesError> for Problem {
    fn from(error: ImportTradesError) -> Self {
        match error {
            ImportTradesError::UnknownSymbol => no_symbol(),
            ImportTradesError::TooMany => bad_row("/trades".to_owned(), error),
            ImportTradesError::OutOfOrder { index } => {
                bad_row(format!("/trades/{index}/at"), "must not be earlier than that of the trade before it")
            }
            ImportTradesError::Store(error) => upload_failed(error),
        }
    }
}
