//! What was published of the log.

use diesel::prelude::{ExpressionMethods, QueryDsl};
use velox_kernel::{AccountId, Fence, OrgId};
use velox_trading::{Marked, Unpublished};

use super::{Conn, Db, RunQueryDsl, raise_marks, shards};
use crate::failure::Failure;
use crate::rows::{signed, unsigned};
use crate::schema::stream_heads;
use crate::types::Val;

/// Up to `limit` streams with events that are not published, by account, after the given one. The index
/// `stream_heads_unpublished` has these alone.
///
/// # Errors
/// [`Failure`].
pub async fn unpublished(conn: &mut Conn, after: Option<AccountId>, limit: u32) -> Result<Vec<Unpublished>, Failure> {
    let mut query = stream_heads::table
        .filter(stream_heads::published_seq.lt(stream_heads::seq))
        .select((stream_heads::account_id, stream_heads::org_id, stream_heads::seq, stream_heads::published_seq))
        .into_boxed::<Db>();
    if let Some(after) = after {
        query = query.filter(stream_heads::account_id.gt(Val(after)));
    }
    let rows: Vec<(AccountId, OrgId, i64, i64)> =
        query.order(stream_heads::account_id.asc()).limit(i64::from(limit)).load(conn).await?;
    let rows = rows.into_iter().map(|(account, org, head, published)| {
        Ok(Unpublished { account, org, head: unsigned(head)?, published: unsigned(published)? })
    });
    rows.collect()
}

/// Notes up to which event each of these streams, no two the same, is published; nothing when the shard was taken since.
///
/// # Errors
/// [`Failure`].
pub async fn mark_published(conn: &mut Conn, fence: Fence, marks: &[(AccountId, u64)]) -> Result<Marked, Failure> {
    if !shards::hold(conn, fence).await? {
        return Ok(Marked::Fenced);
    }
    let mut marks =
        marks.iter().map(|(account, seq)| Ok((*account, signed(*seq)?))).collect::<Result<Vec<_>, Failure>>()?;
    // In one order, so that no two of us wait for each other.
    marks.sort_unstable();
    raise_marks(conn, marks).await?;
    Ok(Marked::Noted)
}
