//! [`ReplicaLists`] and [`ReplicaCandles`]: lists out of the replica where it may answer, else out of the primary.

use std::fmt::Display;
use std::sync::Arc;

use async_trait::async_trait;
use metrics::{Counter, counter};
use velox_kernel::{Freshness, OrgId, Page, PageRequest};
use velox_market::{Candle, CandleHistory, CandleQuery, MarketStoreError};
use velox_trading::{AccountRow, FillFilter, Order, OrderFilter, RecordedFill, StoreError, TradingLists};

use super::watch::Replica;

/// Who answers, and how often either did.
struct Choice {
    watched: Arc<Replica>,
    by_replica: Counter,
    by_primary: Counter,
}

impl Choice {
    fn new(watched: Arc<Replica>) -> Self {
        let [by_replica, by_primary] = ["replica", "primary"].map(|by| counter!("velox_lists_total", "by" => by));
        Self { watched, by_replica, by_primary }
    }

    /// The replica's answer, if it may and can give one; what it refuses as the primary would is one, too. `None` when
    /// the primary is to be asked. `ask` is told what the answer must rest on at least.
    async fn replica<T, E: Display, A: Future<Output = Result<T, E>>>(
        &self,
        freshness: Freshness,
        ask: impl FnOnce(Freshness) -> A,
        refuses: impl Fn(&E) -> bool,
    ) -> Option<Result<T, E>> {
        if let Some(wanted) = self.watched.may_answer(freshness).await {
            match ask(Freshness::Since(wanted)).await {
                Ok(rows) => {
                    self.by_replica.increment(1);
                    return Some(Ok(rows));
                }
                Err(error) if refuses(&error) => return Some(Err(error)),
                Err(error) => self.watched.doubt(&error.to_string()).await,
            }
        }
        self.by_primary.increment(1);
        None
    }
}

/// Lists of trading.
pub struct ReplicaLists {
    primary: Arc<dyn TradingLists>,
    replica: Arc<dyn TradingLists>,
    choice: Choice,
}

impl ReplicaLists {
    /// Lists of both.
    #[must_use]
    pub fn new(primary: Arc<dyn TradingLists>, replica: Arc<dyn TradingLists>, watched: Arc<Replica>) -> Self {
        Self { primary, replica, choice: Choice::new(watched) }
    }
}

/// Asks the replica if it may answer, and the primary otherwise.
macro_rules! list {
    ($lists:ident, $page:ident, $list:ident($($argument:expr),*)) => {{
        let ask = |freshness| {
            let page = $page.clone().as_new_as(freshness);
            async move { $lists.replica.$list($($argument,)* &page).await }
        };
        let refuses = |error: &StoreError| matches!(error, StoreError::InvalidCursor(_));
        match $lists.choice.replica($page.freshness, ask, refuses).await {
            Some(answer) => answer,
            None => $lists.primary.$list($($argument,)* $page).await,
        }
    }};
}

#[async_trait]
impl TradingLists for ReplicaLists {
    async fn accounts(&self, org: OrgId, page: &PageRequest) -> Result<Page<AccountRow>, StoreError> {
        list!(self, page, accounts(org))
    }

    async fn orders(&self, org: OrgId, filter: &OrderFilter, page: &PageRequest) -> Result<Page<Order>, StoreError> {
        list!(self, page, orders(org, filter))
    }

    async fn fills(
        &self,
        org: OrgId,
        filter: &FillFilter,
        page: &PageRequest,
    ) -> Result<Page<RecordedFill>, StoreError> {
        list!(self, page, fills(org, filter))
    }
}

/// Lists of kept candles.
pub struct ReplicaCandles {
    primary: Arc<dyn CandleHistory>,
    replica: Arc<dyn CandleHistory>,
    choice: Choice,
}

impl ReplicaCandles {
    /// Candles of both.
    #[must_use]
    pub fn new(primary: Arc<dyn CandleHistory>, replica: Arc<dyn CandleHistory>, watched: Arc<Replica>) -> Self {
        Self { primary, replica, choice: Choice::new(watched) }
    }
}

#[async_trait]
impl CandleHistory for ReplicaCandles {
    async fn candles(&self, query: &CandleQuery, freshness: Freshness) -> Result<Vec<Candle>, MarketStoreError> {
        let ask = |freshness| self.replica.candles(query, freshness);
        match self.choice.replica(freshness, ask, |_| false).await {
            Some(answer) => answer,
            None => self.primary.candles(query, freshness).await,
        }
    }
}
