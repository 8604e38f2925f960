//! A fake of market's store, and the contract of that port.

mod contract;
mod memory;
mod samples;

pub use contract::market_store_contract;
pub use memory::{CandleTraffic, MemoryMarketStore};
pub use samples::{sample_candle, sample_quote, sample_trade};
