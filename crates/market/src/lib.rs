//! What is traded and at what price: instruments, trades, quotes and candles, the ports they come in and are kept
//! through, and the use cases over them.

mod candle;
pub mod csv;
mod event;
mod feed;
mod get_quote;
mod get_symbol;
mod hot;
mod import_candles;
mod import_trades;
mod ingest;
mod instrument;
mod intrabar;
mod keep_candles;
mod list_candles;
mod list_quotes;
mod list_symbols;
mod market;
mod quote_book;
mod seeded;
mod store;

pub use candle::{Candle, CandleBuilder, CandleRollup, Counted};
pub use event::{Aggressor, Bar, FeedCursor, InvalidFeedCursor, MarketEvent, Quote, Trade};
pub use feed::{Feed, FeedError, FeedPosition};
pub use get_quote::{GetQuoteError, get_quote};
pub use get_symbol::{GetSymbolError, get_symbol};
pub use hot::{CatchUp, Dropped, HotMarket, HotSettings, OpenMinutes, Repeated};
pub use import_candles::{ImportCandles, ImportCandlesError, import_candles};
pub use import_trades::{ImportTrades, ImportTradesError, import_trades};
pub use ingest::{Ingest, Taken};
pub use instrument::{
    AssetClass, FilterError, Instrument, InstrumentStatus, UnknownWord, VolumeUnit, bundled_instruments,
};
pub use intrabar::{IntrabarPath, PathSettings, PathTick};
pub use keep_candles::keep_candles;
pub use list_candles::{ListCandles, ListCandlesError, list_candles};
pub use list_quotes::{ListQuotesError, list_quotes};
pub use list_symbols::{ListSymbols, ListSymbolsError, list_symbols};
pub use market::{CandleHolders, Market};
pub use quote_book::{QuoteBook, Ticker, TickerView};
pub use seeded::SeededRng;
pub use store::{CandleHistory, CandleOrder, CandleQuery, InstrumentFilter, MarketStore, MarketStoreError, Tidied};
