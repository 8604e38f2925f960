//! The ports of trading.

use async_trait::async_trait;
use velox_kernel::AccountId;
use velox_sql::on_sqlite::trading;
use velox_sql::{Failure, InlineSqlite, PreparedAppend, prepare, statement_span, traced};
use velox_trading::{Append, Appended, DecideLocked, Head, RecordedEvent, Snapshot, StoreError, TradingLog};

use crate::SqliteStore;
use crate::append::write_member;
use crate::ports::read;

#[async_trait]
impl TradingLog for SqliteStore {
    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Appended>, StoreError> {
        let members = prepare(batch)?;
        let span = statement_span!("sqlite", trading::append, db.operation.batch.size = members.len());
        Ok(traced(span, self.writer()?.append(members)).await?)
    }

    async fn append_locked(
        &self,
        account: AccountId,
        known: Head,
        mut decide: Box<dyn DecideLocked>,
    ) -> Result<(Box<dyn DecideLocked>, Option<Appended>), StoreError> {
        let work = move |connection: &mut InlineSqlite| {
            let (head, tail) = connection.run(async |conn: &mut InlineSqlite| {
                Ok::<_, Failure>((trading::head(conn, account).await?, trading::tail(conn, account, known.seq).await?))
            })?;
            let outcome = match decide.decide(head, tail) {
                Some(append) => Some(write_member(&mut connection.0, &PreparedAppend::try_from(append)?)?),
                None => None,
            };
            Ok((decide, outcome))
        };
        let span = statement_span!("sqlite", trading::append_locked);
        Ok(traced(span, self.writer()?.transact(work)).await?)
    }

    async fn events(&self, account: AccountId, after: u64, limit: u32) -> Result<Vec<RecordedEvent>, StoreError> {
        read!(self, trading::events(account, after, limit))
    }

    async fn tails(&self, after: &[(AccountId, u64)], limit: u32) -> Result<Vec<Vec<RecordedEvent>>, StoreError> {
        let after = after.to_vec();
        read!(self, trading::tails(&after, limit))
    }

    async fn snapshot(&self, account: AccountId) -> Result<Option<Snapshot>, StoreError> {
        read!(self, trading::snapshot(account))
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        let code = async move |conn: &mut InlineSqlite| trading::save_snapshot(conn, &snapshot).await;
        Ok(self.write(code).await?)
    }
}
