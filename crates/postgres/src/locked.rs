//! Deciding under a stream's lock, in two flights: what the decision needs, and what it makes durable.
//!
//! Statements that are asked for together go to the server together; it does them in their order. So a session holds a
//! stream's lock for one way there and back and the decision, and others wait no longer than that and its commit.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::Error;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::future::{join, try_join3};
use tokio::time::timeout;
use uuid::Uuid;
use velox_kernel::{AccountId, Digest, OrgId};
use velox_sql::on_postgres::trading;
use velox_sql::rows::EventRecord;
use velox_sql::schema::{events, stream_heads};
use velox_sql::{Failure, PreparedAppend, Val};
use velox_trading::{Appended, DecideLocked, Head, RecordedEvent};

use crate::PostgresStore;
use crate::append::write;
use crate::lease::{Lease, silence};
use crate::outcome::Mark;

/// What is decided rests on what is there once the lock was waited for, whatever the server's default is.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

type LockedHead = Option<(i64, Digest)>;

/// Ends the transaction. It takes the way of every prepared statement, so that it cannot overtake the one before it while
/// that is being prepared: both wait in turn for the session's store of statements.
struct Commit;

impl QueryId for Commit {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for Commit {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("COMMIT");
        Ok(())
    }
}

async fn locked_head(mut connection: &AsyncPgConnection, account: AccountId) -> QueryResult<LockedHead> {
    stream_heads::table
        .find(Val(account))
        .select((stream_heads::seq, stream_heads::hash))
        .for_update()
        .first(&mut connection)
        .await
        .optional()
}

/// Begins a transaction, locks a stream's head and reads the events after number `after`, in one flight. The events are
/// read with the lock held: a statement sees what was committed before it began.
async fn begin(
    connection: &AsyncPgConnection,
    account: AccountId,
    after: u64,
) -> Result<(LockedHead, Vec<RecordedEvent>), Failure> {
    let after = i64::try_from(after).map_err(|_| Failure::Corrupt(format!("{after} is no event's number")))?;
    let (mut beginning, mut reading) = (connection, connection);
    let tail = events::table
        .filter(events::account_id.eq(Val(account)).and(events::seq.gt(after)))
        .order(events::seq.asc())
        .select(EventRecord::as_select());
    let (_, head, tail) = try_join3(
        beginning.batch_execute(BEGIN),
        locked_head(connection, account),
        RunQueryDsl::load(tail, &mut reading),
    )
    .await?;
    Ok((head, tail.into_iter().map(RecordedEvent::try_from).collect::<Result<_, _>>()?))
}

/// Makes a head without events, to have something to lock.
async fn make_head(connection: &mut AsyncPgConnection, account: AccountId) -> Result<LockedHead, Failure> {
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
    Ok(locked_head(connection, account).await?)
}

/// Whether the server said why it did not do a statement. The transaction around it is undone then, whatever follows.
fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(..))
}

impl PostgresStore {
    /// Decides and writes in one transaction, under the lock of the stream's head.
    pub(crate) async fn decide_locked(
        &self,
        account: AccountId,
        known: Head,
        mut decide: Box<dyn DecideLocked>,
    ) -> Result<(Box<dyn DecideLocked>, Option<Appended>), Failure> {
        let (mut lease, head, tail) = self.lock(account, known).await?;
        // An error here is one before anything was written: the dropped session undoes the transaction.
        let Some(append) = decide.decide(head, tail) else {
            if let Ok(Ok(())) = timeout(self.options().statement, lease.batch_execute("ROLLBACK")).await {
                lease.keep();
            }
            return Ok((decide, None));
        };
        let member = PreparedAppend::try_from(append)?;
        let outcome = if head.seq == 0 {
            // The head that was made to be locked is undone with everything else.
            self.write_then_commit(lease, member).await?
        } else {
            self.write_and_commit(lease, member).await?
        };
        Ok((decide, Some(outcome)))
    }

    /// A session in a transaction that holds the lock of a stream's head, the head, and the events that are not known. A
    /// session that turns out to be dead is replaced: nothing was done on it.
    async fn lock(&self, account: AccountId, known: Head) -> Result<(Lease, Head, Vec<RecordedEvent>), Failure> {
        let mut is_first = true;
        loop {
            let mut lease = self.lease().await?;
            let begun = timeout(self.options().statement, begin(&lease, account, known.seq)).await;
            let (mut head, mut tail) = match lease.hear(begun) {
                Err(Failure::Disconnected(_)) if is_first => {
                    is_first = false;
                    continue;
                }
                begun => begun?,
            };
            if head.is_none() {
                let work = async {
                    head = make_head(&mut lease, account).await?;
                    tail = trading::tail(&mut lease, account, known.seq).await?;
                    Ok::<_, Failure>(())
                };
                timeout(self.options().statement, work).await.map_err(|_| silence())??;
            }
            let (seq, hash) = head.ok_or_else(|| Failure::Corrupt(format!("the head of {account} vanished")))?;
            let seq =
                u64::try_from(seq).map_err(|_| Failure::Corrupt(format!("the head of {account} is below zero")))?;
            return Ok((lease, Head { seq, hash }, tail));
        }
    }

    /// Writes and commits in one flight. When the member was not written there is nothing to commit.
    async fn write_and_commit(&self, mut lease: Lease, member: PreparedAppend) -> Result<Appended, Failure> {
        let account = member.account;
        let mark = Mark { account, seq: member.seq, hash: member.hash };
        let done = {
            let (connection, mut ending): (&AsyncPgConnection, &AsyncPgConnection) = (&lease, &lease);
            let work = join(write(connection, vec![member]), RunQueryDsl::execute(Commit, &mut ending));
            timeout(self.options().statement, work).await
        };
        let failure = match done {
            Ok((Ok(written), ended)) if written.of(account) != Appended::Committed => {
                if ended.is_ok() {
                    lease.keep();
                }
                return Ok(written.of(account));
            }
            Ok((Ok(_), Ok(_))) => {
                lease.keep();
                return Ok(Appended::Committed);
            }
            Ok((Err(error), ended)) => match (is_refusal(&error), Failure::from(error)) {
                (true, failure) if !matches!(failure, Failure::Disconnected(_)) => {
                    if ended.is_ok() {
                        lease.keep();
                    }
                    return Err(failure);
                }
                // The commit was sent, and what came before it may have been done all the same.
                (_, failure) => failure,
            },
            Ok((Ok(_), Err(error))) => match Failure::from(error) {
                failure @ Failure::Disconnected(_) => failure,
                failure => return Err(failure),
            },
            Err(_) => Failure::Unavailable("no answer came in time".to_owned()),
        };
        self.find_out(lease, failure, mark).await
    }

    /// Writes, and commits when the member won.
    async fn write_then_commit(&self, mut lease: Lease, member: PreparedAppend) -> Result<Appended, Failure> {
        let account = member.account;
        let mark = Mark { account, seq: member.seq, hash: member.hash };
        let deadline = self.options().statement;
        let written = timeout(deadline, write(&lease, vec![member])).await.map_err(|_| silence())??;
        if written.of(account) != Appended::Committed {
            return Ok(written.of(account));
        }
        match lease.commit(deadline).await {
            Err(Failure::OutcomeUnknown(reason)) => self.find_out(lease, Failure::Unavailable(reason), mark).await,
            committed => committed.map(|()| Appended::Committed),
        }
    }

    /// What became of a commit whose answer was lost; `failure` when it was not done.
    async fn find_out(&self, lease: Lease, failure: Failure, mark: Mark) -> Result<Appended, Failure> {
        let (backend, reason) = (lease.backend(), failure.to_string());
        drop(lease);
        if self.look_for(&reason, backend, &[mark]).await?.is_empty() { Err(failure) } else { Ok(Appended::Committed) }
    }
}
