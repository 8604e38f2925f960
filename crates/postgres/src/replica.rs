//! [`PostgresReplica`]: lists out of a streaming replica.

use std::sync::Arc;

use async_trait::async_trait;
use velox_kernel::{Freshness, OrgId, Page, PageRequest, StorePosition};
use velox_market::{Candle, CandleHistory, CandleQuery, MarketStoreError};
use velox_sql::Failure;
use velox_trading::{AccountRow, FillFilter, Order, OrderFilter, RecordedFill, StoreError, TradingLists};

use crate::PostgresStore;
use crate::ports::read_since;

/// Lists out of a streaming replica, [`Freshness::Since`] a position alone: what is newest the primary knows.
///
/// The session that reads is the one that is asked whether it has the position. So it may be of any server behind the
/// replica's name, and of another one than a moment ago.
pub struct PostgresReplica(Arc<PostgresStore>);

impl PostgresReplica {
    /// Lists out of this replica.
    #[must_use]
    pub const fn new(replica: Arc<PostgresStore>) -> Self {
        Self(replica)
    }
}

fn position(freshness: Freshness) -> Result<StorePosition, Failure> {
    match freshness {
        Freshness::Since(position) => Ok(position),
        Freshness::Now => Err(Failure::Unavailable("a replica does not know what is newest".to_owned())),
    }
}

#[async_trait]
impl TradingLists for PostgresReplica {
    async fn accounts(&self, org: OrgId, page: &PageRequest) -> Result<Page<AccountRow>, StoreError> {
        let (store, since) = (&self.0, position(page.freshness)?);
        read_since!(store, Some(since), trading::accounts(org, page))
    }

    async fn orders(&self, org: OrgId, filter: &OrderFilter, page: &PageRequest) -> Result<Page<Order>, StoreError> {
        let (store, since) = (&self.0, position(page.freshness)?);
        read_since!(store, Some(since), trading::orders(org, filter, page))
    }

    async fn fills(
        &self,
        org: OrgId,
        filter: &FillFilter,
        page: &PageRequest,
    ) -> Result<Page<RecordedFill>, StoreError> {
        let (store, since) = (&self.0, position(page.freshness)?);
        read_since!(store, Some(since), trading::fills(org, filter, page))
    }
}

#[async_trait]
impl CandleHistory for PostgresReplica {
    async fn candles(&self, query: &CandleQuery, freshness: Freshness) -> Result<Vec<Candle>, MarketStoreError> {
        let (store, since) = (&self.0, position(freshness)?);
        read_since!(store, Some(since), market::candles(query))
    }
}
