//! Trading in memory: the store, prices set by hand, a driver that makes accounts and their appends, and the contract
//! that every trading store passes.

pub mod contract;
mod fixed_prices;
mod fresh_ids;
mod instruments;
mod memory_queries;
mod memory_store;
mod rows;
mod scenario;

pub use contract::{TradingPorts, trading_store_contract};
pub use fixed_prices::FixedPrices;
pub use fresh_ids::FreshIds;
pub use instruments::{currency, instrument, market, money, price, quantity, symbol, terms};
pub use memory_store::MemoryTradingStore;
pub use rows::Rows;
pub use scenario::AccountScenario;
