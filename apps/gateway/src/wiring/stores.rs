//! [`Stores`]: one database behind every store port.

use std::sync::Arc;

use velox_brokers::BrokerStore;
use velox_identity::IdentityStore;
use velox_market::MarketStore;
use velox_trading::{TradingLog, TradingQueries};

/// One database behind every store port.
#[derive(Clone)]
pub struct Stores {
    /// The accounts' log.
    pub log: Arc<dyn TradingLog>,
    /// The read tables of trading.
    pub queries: Arc<dyn TradingQueries>,
    /// Users and sessions.
    pub identity: Arc<dyn IdentityStore>,
    /// Broker connections.
    pub brokers: Arc<dyn BrokerStore>,
    /// Market data.
    pub market: Arc<dyn MarketStore>,
    /// Whether other processes may write to it too.
    pub shared: bool,
}

/// Why the database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreOpenError {
    /// None.
    #[error("none")]
    None,
}
impl Stores {
    /// Opens.
    ///
    /// # Errors
    /// None.
    pub async fn open(_config: &crate::config::Config) -> Result<Self, StoreOpenError> {
        Err(StoreOpenError::None)
    }
}
