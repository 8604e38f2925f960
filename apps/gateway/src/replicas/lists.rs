//! [`ReplicaLists`]: lists out of the replica where it may answer, else out of the primary.

use std::sync::Arc;

use async_trait::async_trait;
use metrics::{Counter, counter};
use velox_kernel::{OrgId, Page, PageRequest};
use velox_trading::{AccountRow, FillFilter, Order, OrderFilter, RecordedFill, StoreError, TradingLists};

use super::watch::Replica;

/// Lists out of the replica where it may answer, else out of the primary.
pub struct ReplicaLists {
    primary: Arc<dyn TradingLists>,
    replica: Arc<dyn TradingLists>,
    watched: Arc<Replica>,
    by_replica: Counter,
    by_primary: Counter,
}

impl ReplicaLists {
    /// Lists of both.
    #[must_use]
    pub fn new(primary: Arc<dyn TradingLists>, replica: Arc<dyn TradingLists>, watched: Arc<Replica>) -> Self {
        let [by_replica, by_primary] = ["replica", "primary"].map(|by| counter!("velox_lists_total", "by" => by));
        Self { primary, replica, watched, by_replica, by_primary }
    }

    /// The replica's answer, if it had one: else it is not read any more, and the primary is to be asked.
    fn answer<T>(&self, answered: Result<T, StoreError>) -> Option<Result<T, StoreError>> {
        match answered {
            Ok(rows) => {
                self.by_replica.increment(1);
                Some(Ok(rows))
            }
            // It refuses a cursor as the primary would.
            Err(error @ StoreError::InvalidCursor(_)) => Some(Err(error)),
            Err(error) => {
                self.watched.failed(&error.to_string());
                None
            }
        }
    }
}

/// Asks the replica if it may answer, and the primary otherwise.
macro_rules! list {
    ($lists:ident, $page:ident, $list:ident($($argument:expr),*)) => {{
        if $lists.watched.may_answer($page.freshness).await
            && let Some(answer) = $lists.answer($lists.replica.$list($($argument),*).await)
        {
            return answer;
        }
        $lists.by_primary.increment(1);
        $lists.primary.$list($($argument),*).await
    }};
}

#[async_trait]
impl TradingLists for ReplicaLists {
    async fn accounts(&self, org: OrgId, page: &PageRequest) -> Result<Page<AccountRow>, StoreError> {
        list!(self, page, accounts(org, page))
    }

    async fn orders(&self, org: OrgId, filter: &OrderFilter, page: &PageRequest) -> Result<Page<Order>, StoreError> {
        list!(self, page, orders(org, filter, page))
    }

    async fn fills(
        &self,
        org: OrgId,
        filter: &FillFilter,
        page: &PageRequest,
    ) -> Result<Page<RecordedFill>, StoreError> {
        list!(self, page, fills(org, filter, page))
    }
}
