//! What is traded and at what price: instruments, trades, quotes and candles, the ports they come in and are kept
//! through, and the use cases over them.

mod candle;
mod event;
mod feed;
mod hot;
mod instrument;
mod quote_book;
mod store;

pub use candle::{Candle, CandleBuilder, CandleRollup, Counted};
pub use event::{Aggressor, Bar, FeedCursor, InvalidFeedCursor, MarketEvent, Quote, Trade};
pub use feed::{Feed, FeedError, FeedPosition};
pub use hot::{Dropped, HotMarket, HotSettings};
pub use instrument::{
    AssetClass, FilterError, Instrument, InstrumentStatus, UnknownWord, VolumeUnit, bundled_instruments,
};
pub use quote_book::{QuoteBook, Ticker, TickerView};
pub use store::{CandleOrder, CandleQuery, InstrumentFilter, MarketStore, MarketStoreError};
