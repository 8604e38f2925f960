//! The newest prices of several symbols.

use velox_kernel::{Actor, Symbol};

use crate::{Market, MarketStoreError, TickerView};

/// Why prices are not told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListQuotesError {
    /// The store did not answer, and memory holds no price.
    #[error(transparent)]
    Store(#[from] MarketStoreError),
}

/// The newest prices of the given symbols, or of all when none is given, by symbol and with their age.
///
/// A symbol without a price is left out. The list is as long as there are symbols with prices, which
/// [`crate::HotSettings`] bounds.
///
/// # Errors
/// As [`ListQuotesError`] says.
pub async fn list_quotes(
    _actor: &Actor,
    market: &Market,
    symbols: &[Symbol],
) -> Result<Vec<TickerView>, ListQuotesError> {
    let mut views = market.newest(None).await?;
    if !symbols.is_empty() {
        views.retain(|view| symbols.contains(&view.ticker.symbol));
    }
    Ok(views)
}
