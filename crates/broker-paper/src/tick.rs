//! [`Tick`]: one thing the market said, as the book takes it in.

use velox_kernel::{Price, Quantity, Symbol, Timestamp};
use velox_market::{FeedCursor, MarketEvent};
use velox_trading::FeedPosition;

/// What a tick says of prices and volumes. A volume of `None` bounds no fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickPrices {
    /// A trade took place.
    Trade {
        /// Its price.
        price: Price,
        /// Its size. Zero says that the price was visited and nothing is left to trade.
        quantity: Option<Quantity>,
    },
    /// The best bid and ask. A price of zero says that there is none on that side.
    Quote {
        /// The highest price somebody pays.
        bid: Price,
        /// How much is wanted there.
        bid_size: Option<Quantity>,
        /// The lowest price somebody sells at.
        ask: Price,
        /// How much is offered there.
        ask_size: Option<Quantity>,
    },
    /// A complete bar.
    Bar {
        /// When it opened. Orders that arrived later take no part in it.
        from: Timestamp,
        /// When it closed.
        until: Timestamp,
        /// The first price.
        open: Price,
        /// The highest price.
        high: Price,
        /// The lowest price.
        low: Price,
        /// The last price.
        close: Price,
        /// What was traded in all.
        volume: Option<Quantity>,
    },
}

impl TickPrices {
    /// Whether every price that must be there is above zero.
    pub(crate) fn are_possible(&self) -> bool {
        match *self {
            Self::Trade { price, .. } => price.is_positive(),
            Self::Quote { bid, ask, .. } => !bid.is_negative() && !ask.is_negative(),
            Self::Bar { open, high, low, close, .. } => {
                low.is_positive() && low <= open.min(close) && high >= open.max(close)
            }
        }
    }
}

/// One thing the market said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// What it is about.
    pub symbol: Symbol,
    /// When, in market time.
    pub at: Timestamp,
    /// Where in the feed. A symbol's ticks must come in this order; one that does not is passed over.
    pub position: FeedPosition,
    /// What it says.
    pub prices: TickPrices,
}

impl Tick {
    /// What a feed said, where it can fill orders: a bar that still grows cannot, since its volume will be told again.
    #[must_use]
    pub fn from_event(event: &MarketEvent) -> Option<Self> {
        let FeedCursor { epoch, offset } = event.cursor();
        let prices = match event {
            MarketEvent::Trade(trade) => TickPrices::Trade { price: trade.price, quantity: Some(trade.quantity) },
            MarketEvent::Quote(quote) => TickPrices::Quote {
                bid: quote.bid,
                bid_size: Some(quote.bid_size),
                ask: quote.ask,
                ask_size: Some(quote.ask_size),
            },
            MarketEvent::Bar(bar) if bar.candle.complete => TickPrices::Bar {
                from: bar.candle.open_time,
                until: bar.candle.close_time(),
                open: bar.candle.open,
                high: bar.candle.high,
                low: bar.candle.low,
                close: bar.candle.close,
                volume: Some(bar.candle.volume),
            },
            MarketEvent::Bar(_) => return None,
        };
        Some(Self { symbol: event.symbol(), at: event.at(), position: FeedPosition { epoch, offset }, prices })
    }
}
