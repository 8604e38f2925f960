//! Market data: instruments, newest prices and candles.

mod candle_view;
mod get_quote;
mod get_symbol;
mod import_candles;
mod import_trades;
mod list_candles;
mod list_quotes;
mod list_symbols;
mod problems;
mod quote_view;
mod symbol_view;
mod timeframe_word;

use velox_kernel::Permission::{MarketRead, MarketWrite};

use super::table::{
    Access::{HostMay, May},
    Row,
};
use crate::row;

/// The largest body of an upload, in bytes: a full batch with room to spare.
const UPLOAD: usize = 16 * 1024 * 1024;

/// The market's routes.
#[must_use]
pub fn rows() -> Vec<Row> {
    vec![
        row!(GET "/v1/market-data/symbols", May(MarketRead), list_symbols),
        row!(GET "/v1/market-data/symbols/{symbol}", May(MarketRead), get_symbol),
        row!(GET "/v1/market-data/quotes", May(MarketRead), list_quotes),
        row!(GET "/v1/market-data/quotes/{symbol}", May(MarketRead), get_quote),
        row!(GET "/v1/market-data/candles/{symbol}", May(MarketRead), list_candles),
        row!(POST "/v1/market-data/candles/{symbol}", HostMay(MarketWrite), import_candles).max_body(UPLOAD),
        row!(POST "/v1/market-data/trades/{symbol}", HostMay(MarketWrite), import_trades).max_body(UPLOAD),
    ]
}
