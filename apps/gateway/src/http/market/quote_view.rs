//! [`QuoteView`]: an instrument's newest prices, with their age.

use serde::Serialize;
use utoipa::ToSchema;
use velox_kernel::{Symbol, Timestamp};
use velox_market::{Ticker, TickerView};

use crate::http::wire::{WireNumber, WirePrice, WireQuantity};

/// An instrument's newest prices.
#[derive(Serialize, ToSchema)]
#[schema(as = Quote)]
pub(super) struct QuoteView {
    /// Of what.
    #[schema(value_type = String, example = "BTC-PERP")]
    symbol: Symbol,
    /// The highest price somebody pays; `null` where the feed gives no quotes.
    bid: Option<WirePrice>,
    /// What is wanted at it, in units.
    bid_size: Option<WireQuantity>,
    /// The lowest price somebody sells at.
    ask: Option<WirePrice>,
    /// What is offered at it, in units.
    ask_size: Option<WireQuantity>,
    /// The last trade's price; `null` while there was none.
    last: Option<WirePrice>,
    /// What it traded, in units.
    last_size: Option<WireQuantity>,
    /// The newest of these prices' time, by the feed's clock.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:00Z")]
    at: Timestamp,
    /// How old that is by the feed's clock, in milliseconds.
    #[schema(example = 120)]
    age_ms: u64,
    /// Whether that is too old to decide on: the source is mute.
    #[schema(example = false)]
    stale: bool,
    /// Whether Velox made any of it up, or moved it in time.
    #[schema(example = true)]
    synthetic: bool,
}

impl From<&TickerView> for QuoteView {
    fn from(view: &TickerView) -> Self {
        let TickerView { ticker: Ticker { symbol, quote, last }, age, stale } = *view;
        Self {
            symbol,
            bid: quote.map(|quote| WireNumber(quote.bid)),
            bid_size: quote.map(|quote| WireNumber(quote.bid_size)),
            ask: quote.map(|quote| WireNumber(quote.ask)),
            ask_size: quote.map(|quote| WireNumber(quote.ask_size)),
            last: last.map(|last| WireNumber(last.price)),
            last_size: last.map(|last| WireNumber(last.quantity)),
            at: view.ticker.at(),
            age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
            stale,
            synthetic: quote.is_some_and(|quote| quote.synthetic) || last.is_some_and(|last| last.synthetic),
        }
    }
}
