//! [`LocalTarget`]: the database that the configuration names.

use std::sync::Arc;

use uuid::Uuid;
use velox_crypto::SystemClock;
use velox_kernel::{Actor, OrgId, Role, SessionId, Symbol, Timeframe, UserId};
use velox_market::csv::{BarRow, TradeRow};
use velox_market::{
    HotMarket, HotSettings, ImportCandles, ImportTrades, InstrumentFilter, Market, MarketStoreError,
    bundled_instruments, import_candles, import_trades,
};

use super::target::TargetError;
use crate::commands::database::is_held;
use crate::config::Config;
use crate::wiring::Stores;

/// Instruments that an error names.
const NAMED: u32 = 20;

/// The database, opened as a server would.
pub(super) struct LocalTarget {
    market: Market,
    actor: Actor,
}

impl LocalTarget {
    /// Opens it, and makes it when there is none. As on a server's start it then knows the bundled instruments.
    pub(super) async fn open(config: &Config) -> Result<Self, TargetError> {
        crate::wiring::prepare_data_dir(config).map_err(|error| TargetError::Database(error.to_string()))?;
        let failed = |error: &dyn std::error::Error| TargetError::Database(error.to_string());
        if is_held(config).map_err(|error| failed(&error))? {
            return Err(TargetError::HeldByServer);
        }
        let stores = Stores::open(config).await.map_err(|error| failed(&error))?;
        let hot = Arc::new(HotMarket::new(HotSettings::default()));
        let market = Market::new(stores.market, hot, Arc::new(SystemClock), Market::STALE_AFTER);
        if market.store.instruments(&InstrumentFilter::default(), 1).await.map_err(unreadable)?.is_empty() {
            market.store.save_instruments(&bundled_instruments()).await.map_err(unreadable)?;
        }
        // Whoever may write the database file needs no leave of its users.
        let nobody = Uuid::nil();
        let actor = Actor {
            org: OrgId::new(nobody),
            user: UserId::new(nobody),
            role: Role::Admin,
            session: SessionId::new(nobody),
        };
        Ok(Self { market, actor })
    }

    pub(super) fn describe(&self) -> String {
        "the database".to_owned()
    }

    pub(super) async fn find(&self, symbol: Symbol) -> Result<(), TargetError> {
        if self.market.store.instrument(symbol).await.map_err(unreadable)?.is_some() {
            return Ok(());
        }
        let known = self.market.store.instruments(&InstrumentFilter::default(), NAMED).await.map_err(unreadable)?;
        let known = known.iter().map(|instrument| instrument.symbol.to_string()).collect();
        Err(TargetError::UnknownSymbol { symbol, known })
    }

    pub(super) async fn keep_bars(
        &self,
        symbol: Symbol,
        timeframe: Timeframe,
        bars: &[BarRow],
    ) -> Result<(), TargetError> {
        let batch = ImportCandles { symbol, timeframe, bars: bars.to_vec() };
        let done = import_candles(&self.actor, &self.market, batch).await;
        done.map(drop).map_err(|error| TargetError::Refused(error.to_string()))
    }

    pub(super) async fn keep_trades(&self, symbol: Symbol, trades: &[TradeRow]) -> Result<(), TargetError> {
        let batch = ImportTrades { symbol, trades: trades.to_vec() };
        let done = import_trades(&self.actor, &self.market, batch).await;
        done.map(drop).map_err(|error| TargetError::Refused(error.to_string()))
    }
}

fn unreadable(error: MarketStoreError) -> TargetError {
    TargetError::Database(error.to_string())
}
