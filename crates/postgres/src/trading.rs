//! The ports of trading.

use async_trait::async_trait;
use velox_kernel::AccountId;
use velox_sql::{prepare, statement_span, traced};
use velox_trading::{Append, Appended, DecideLocked, Head, RecordedEvent, Snapshot, StoreError, TradingLog};

use crate::PostgresStore;
use crate::ports::read;

#[async_trait]
impl TradingLog for PostgresStore {
    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Appended>, StoreError> {
        let members = prepare(batch)?;
        let (database, size) = (self.database(), members.len());
        let span =
            statement_span!("postgresql", trading::append, db.namespace = database, db.operation.batch.size = size);
        Ok(traced(span, self.append_batch(members)).await?)
    }

    async fn append_locked(
        &self,
        account: AccountId,
        known: Head,
        decide: Box<dyn DecideLocked>,
    ) -> Result<(Box<dyn DecideLocked>, Option<Appended>), StoreError> {
        let database = self.database();
        let span = statement_span!("postgresql", trading::append_locked, db.namespace = database);
        Ok(traced(span, self.decide_locked(account, known, decide)).await?)
    }

    async fn events(&self, account: AccountId, after: u64, limit: u32) -> Result<Vec<RecordedEvent>, StoreError> {
        read!(self, trading::events(account, after, limit))
    }

    async fn tails(&self, after: &[(AccountId, u64)], limit: u32) -> Result<Vec<Vec<RecordedEvent>>, StoreError> {
        read!(self, trading::tails(after, limit))
    }

    async fn snapshot(&self, account: AccountId) -> Result<Option<Snapshot>, StoreError> {
        read!(self, trading::snapshot(account))
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        read!(self, trading::save_snapshot(&snapshot))
    }
}
