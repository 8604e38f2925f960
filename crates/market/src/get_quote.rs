//! The newest prices of one symbol.

use velox_kernel::{Actor, Symbol};

use crate::{Market, MarketStoreError, TickerView};

/// Why prices are not told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GetQuoteError {
    /// No instrument has this symbol.
    #[error("no instrument has this symbol")]
    UnknownSymbol,
    /// The store did not answer, and memory holds no price.
    #[error(transparent)]
    Store(#[from] MarketStoreError),
}

/// The newest prices of a symbol with their age; `None` while there was none. They are the same for every tenant.
///
/// # Errors
/// As [`GetQuoteError`] says.
pub async fn get_quote(_actor: &Actor, market: &Market, symbol: Symbol) -> Result<Option<TickerView>, GetQuoteError> {
    if let Some(view) = market.newest(Some(symbol)).await?.pop() {
        return Ok(Some(view));
    }
    match market.store.instrument(symbol).await? {
        Some(_) => Ok(None),
        None => Err(GetQuoteError::UnknownSymbol),
    }
}
