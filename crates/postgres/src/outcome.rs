//! What became of a commit whose answer was lost.

use std::collections::HashSet;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Integer};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use velox_kernel::{AccountId, Digest};
use velox_sql::Failure;
use velox_sql::types::{Hash, Id};

use crate::pool::Pool;
use crate::session::Backend;

/// How long to wait before asking again whether a session has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// Commits nothing but a word in the log that nobody reads.
const BARRIER: &str = "SELECT pg_logical_emit_message(true, 'velox', '')";

/// The newest event of a member: it is there when the member is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) account: AccountId,
    pub(crate) seq: i64,
    pub(crate) hash: Digest,
}

#[derive(QueryableByName)]
struct Ended {
    #[diesel(sql_type = Bool)]
    #[expect(dead_code, reason = "only that there is a row matters")]
    ended: bool,
}

#[derive(QueryableByName)]
struct There {
    #[diesel(sql_type = Id)]
    account_id: AccountId,
}

/// The accounts whose marks are there, once it is certain that the lost session writes no more; nothing at all when
/// that could not be found out in time.
pub(crate) async fn find(
    pool: &Pool,
    lost: Backend,
    marks: &[Mark],
    deadline: Duration,
) -> Result<HashSet<AccountId>, Failure> {
    let search = async {
        loop {
            match look(pool, lost, marks).await {
                Ok(Some(there)) => return there,
                Ok(None) => {}
                Err(failure) => tracing::warn!(%failure, "the outcome of a commit is not known yet"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(deadline, search)
        .await
        .map_err(|_| Failure::OutcomeUnknown(format!("it was not found within {deadline:?}")))
}

async fn look(pool: &Pool, lost: Backend, marks: &[Mark]) -> Result<Option<HashSet<AccountId>>, Failure> {
    let mut lease = pool.lease().await?;
    let looked = look_with(&mut lease, lost, marks).await;
    lease.judge(Ok(looked))
}

async fn look_with(
    connection: &mut AsyncPgConnection,
    lost: Backend,
    marks: &[Mark],
) -> Result<Option<HashSet<AccountId>>, Failure> {
    if !has_ended(connection, lost).await? {
        return Ok(None);
    }
    let there: Vec<There> = diesel::sql_query(
        "SELECT e.account_id FROM unnest($1, $2, $3) AS m (account_id, seq, hash) \
         JOIN events e ON e.account_id = m.account_id AND e.seq = m.seq AND e.hash = m.hash",
    )
    .bind::<Array<Id>, _>(marks.iter().map(|mark| mark.account).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(marks.iter().map(|mark| mark.seq).collect::<Vec<_>>())
    .bind::<Array<Hash>, _>(marks.iter().map(|mark| mark.hash).collect::<Vec<_>>())
    .load::<There>(connection)
    .await?;
    if !there.is_empty() {
        // What was cut off while it waited for a standby is visible though no standby may have it. A commit of our own,
        // which is later in the log, is answered when the standby has both.
        connection.batch_execute(BARRIER).await?;
    }
    Ok(Some(there.into_iter().map(|row| row.account_id).collect()))
}

/// Ends the lost session on the server, where it may still be at work, and says whether it is gone. One that has committed
/// and waits for a synchronous standby is left alone: its end would make visible what the standby does not have.
async fn has_ended(connection: &mut AsyncPgConnection, lost: Backend) -> Result<bool, Failure> {
    let still: Vec<Ended> = diesel::sql_query(
        "SELECT CASE WHEN wait_event = 'SyncRep' THEN false ELSE pg_terminate_backend(pid) END AS ended FROM pg_stat_activity \
         WHERE pid = $1 AND (extract(epoch FROM backend_start) * 1000000)::bigint = $2",
    )
    .bind::<Integer, _>(lost.pid)
    .bind::<BigInt, _>(lost.began)
    .load(connection)
    .await?;
    Ok(still.is_empty())
}
