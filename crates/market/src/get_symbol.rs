//! Looking up one instrument.

use velox_kernel::{Actor, Symbol};

use crate::{Instrument, Market, MarketStoreError};

/// Why an instrument is not told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GetSymbolError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] MarketStoreError),
}

/// The instrument of a symbol; `None` when there is none. It is the same for every tenant.
///
/// # Errors
/// As [`GetSymbolError`] says.
pub async fn get_symbol(_actor: &Actor, market: &Market, symbol: Symbol) -> Result<Option<Instrument>, GetSymbolError> {
    Ok(market.store.instrument(symbol).await?)
}
