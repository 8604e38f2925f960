//! Listing instruments.

use velox_kernel::{Actor, Currency, Cursor, Page, PageRequest};

use crate::{AssetClass, Instrument, InstrumentFilter, Market, MarketStoreError};

/// Which instruments to list; `None` narrows nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSymbols {
    /// Stands in the symbol or the name, ASCII letters in either case.
    pub search: Option<String>,
    /// Is of this kind.
    pub asset_class: Option<AssetClass>,
    /// Is priced in this currency.
    pub quote: Option<Currency>,
    /// Which page.
    pub page: PageRequest,
}

/// Why instruments are not listed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListSymbolsError {
    /// The cursor is not one of this list.
    #[error("the cursor was not given out by this list")]
    InvalidCursor,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] MarketStoreError),
}

/// A page of instruments, by symbol. They are the same for every tenant.
///
/// # Errors
/// As [`ListSymbolsError`] says.
pub async fn list_symbols(
    _actor: &Actor,
    market: &Market,
    query: ListSymbols,
) -> Result<Page<Instrument>, ListSymbolsError> {
    let ListSymbols { search, asset_class, quote, page } = query;
    let after = page.after.as_ref().map(Cursor::parse).transpose().map_err(|_| ListSymbolsError::InvalidCursor)?;
    let filter = InstrumentFilter { search, asset_class, quote, after };
    let rows = market.store.instruments(&filter, u32::from(page.limit()) + 1).await?;
    Ok(Page::cut(rows, &page, |last| Cursor::new(last.symbol)))
}
