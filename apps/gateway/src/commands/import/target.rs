//! [`Target`]: where rows go.

use velox_kernel::{Symbol, Timeframe};
use velox_market::csv::{BarRow, TradeRow};

use super::api::ApiTarget;
use super::local::LocalTarget;

/// Why rows were not taken.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A server holds the database.
    #[error("a server holds the database")]
    HeldByServer,
    /// The database cannot be opened.
    #[error("{0}")]
    Database(String),
    /// No instrument has the symbol.
    #[error("no instrument has the symbol {symbol}; there are {}", known.join(", "))]
    UnknownSymbol {
        /// What was asked for.
        symbol: Symbol,
        /// Some that there are.
        known: Vec<String>,
    },
    /// The rows were refused.
    #[error("{0}")]
    Refused(String),
    /// The server cannot be reached or answers what it should not.
    #[error("{url}: {reason}")]
    Server {
        /// Which.
        url: String,
        /// What it did.
        reason: String,
    },
    /// The server does not let this user in, or does not let them import.
    #[error("{url} refuses: {reason}")]
    NotAllowed {
        /// Which.
        url: String,
        /// What it said.
        reason: String,
    },
}

/// Where rows go.
pub(super) enum Target {
    Local(LocalTarget),
    Api(ApiTarget),
}

impl Target {
    /// In words, after "into".
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Local(local) => local.describe(),
            Self::Api(api) => api.describe(),
        }
    }

    /// Whether there is an instrument of this symbol.
    pub(super) async fn find(&mut self, symbol: Symbol) -> Result<(), TargetError> {
        match self {
            Self::Local(local) => local.find(symbol).await,
            Self::Api(api) => api.find(symbol).await,
        }
    }

    /// Keeps bars; says how many.
    pub(super) async fn keep_bars(
        &mut self,
        symbol: Symbol,
        timeframe: Timeframe,
        bars: &[BarRow],
    ) -> Result<u64, TargetError> {
        match self {
            Self::Local(local) => local.keep_bars(symbol, timeframe, bars).await?,
            Self::Api(api) => api.keep_bars(symbol, timeframe, bars).await?,
        }
        Ok(count(bars.len()))
    }

    /// Keeps trades of whole minutes; says how many.
    pub(super) async fn keep_trades(&mut self, symbol: Symbol, trades: &[TradeRow]) -> Result<u64, TargetError> {
        match self {
            Self::Local(local) => local.keep_trades(symbol, trades).await?,
            Self::Api(api) => api.keep_trades(symbol, trades).await?,
        }
        Ok(count(trades.len()))
    }
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
