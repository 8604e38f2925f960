//! The ports of trading.

use async_trait::async_trait;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::time::timeout;
use uuid::Uuid;
use velox_kernel::{AccountId, Digest, OrgId};
use velox_sql::on_postgres::trading;
use velox_sql::schema::stream_heads;
use velox_sql::{Failure, PreparedAppend, Val, prepare, statement_span, traced};
use velox_trading::{Append, Appended, DecideLocked, Head, RecordedEvent, Snapshot, StoreError, TradingLog};

use crate::PostgresStore;
use crate::append::write;
use crate::lease::silence;
use crate::outcome::Mark;
use crate::ports::read;

async fn locked_head(connection: &mut AsyncPgConnection, account: AccountId) -> Result<Option<(i64, Digest)>, Failure> {
    let head = stream_heads::table
        .find(Val(account))
        .select((stream_heads::seq, stream_heads::hash))
        .for_update()
        .first(connection)
        .await
        .optional()?;
    Ok(head)
}

/// Locks a stream's head; before the first event a head without events is made, to have something to lock.
async fn lock_head(connection: &mut AsyncPgConnection, account: AccountId) -> Result<Head, Failure> {
    let mut found = locked_head(connection, account).await?;
    if found.is_none() {
        diesel::insert_into(stream_heads::table)
            .values((
                stream_heads::account_id.eq(Val(account)),
                stream_heads::org_id.eq(Val(OrgId::new(Uuid::nil()))),
                stream_heads::seq.eq(0),
                stream_heads::hash.eq(Val(Digest::ZERO)),
            ))
            .on_conflict_do_nothing()
            .execute(connection)
            .await?;
        found = locked_head(connection, account).await?;
    }
    let (seq, hash) = found.ok_or_else(|| Failure::Corrupt(format!("the head of {account} vanished")))?;
    let seq = u64::try_from(seq).map_err(|_| Failure::Corrupt(format!("the head of {account} is below zero")))?;
    Ok(Head { seq, hash })
}

impl PostgresStore {
    /// Decides and writes in one transaction, under the lock of the stream's head.
    async fn decide_locked(
        &self,
        account: AccountId,
        known: Head,
        mut decide: Box<dyn DecideLocked>,
    ) -> Result<(Box<dyn DecideLocked>, Option<Appended>), Failure> {
        let mut lease = self.begin().await?;
        let deadline = self.options().statement;
        let work = async {
            let head = lock_head(&mut lease, account).await?;
            let tail = trading::tail(&mut lease, account, known.seq).await?;
            let Some(append) = decide.decide(head, tail) else {
                lease.batch_execute("ROLLBACK").await.map_err(Failure::from)?;
                return Ok((None, None));
            };
            let member = PreparedAppend::try_from(append)?;
            let mark = Mark { account, seq: member.seq, hash: member.hash };
            let won = write(&mut lease, vec![member]).await.map_err(Failure::from)?;
            if won.contains(&account) {
                return Ok((Some(Appended::Committed), Some(mark)));
            }
            lease.batch_execute("ROLLBACK").await.map_err(Failure::from)?;
            Ok::<_, Failure>((Some(Appended::Conflict), None))
        };
        // Until a commit is sent, an error or a silence means that nothing was done: the dropped session undoes it.
        let (outcome, mark) = timeout(deadline, work).await.map_err(|_| silence())??;
        if let Some(mark) = mark {
            match lease.commit(deadline).await {
                Err(Failure::OutcomeUnknown(reason)) => {
                    let backend = lease.backend();
                    drop(lease);
                    if self.look_for(&reason, backend, &[mark]).await?.is_empty() {
                        return Err(Failure::Unavailable(reason));
                    }
                }
                committed => committed?,
            }
            return Ok((decide, outcome));
        }
        lease.keep();
        Ok((decide, outcome))
    }
}

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

    async fn snapshot(&self, account: AccountId) -> Result<Option<Snapshot>, StoreError> {
        read!(self, trading::snapshot(account))
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        read!(self, trading::save_snapshot(&snapshot))
    }
}
