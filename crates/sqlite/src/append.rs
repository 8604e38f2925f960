//! Writes appends: the log, its heads, and the read tables that follow.

use diesel::connection::Connection;
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::BigInt;
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel::{QueryResult, RunQueryDsl, delete, insert_into, update};
use tokio::time::Instant;
use velox_kernel::{AccountId, Digest, Fence};
use velox_sql::schema::{balances, fills, orders, positions, role_shards, stream_heads};
use velox_sql::types::{Hash, Id};
use velox_sql::{BindTo, Commit, CommitObserver, Failure, InlineSqlite, PreparedAppend, Upsert, Val};
use velox_trading::Appended;

use crate::writer::{Batch, transact};

/// Commits batches in one transaction and answers each.
pub(crate) fn commit_group(connection: &mut InlineSqlite, group: Vec<Batch>, observer: &dyn CommitObserver) {
    let began = Instant::now();
    let written = transact(connection, |connection| {
        let write =
            |batch: &Batch| batch.members.iter().map(|member| write_member(&mut connection.0, member)).collect();
        let outcomes = group.iter().map(write).collect::<Result<Vec<Vec<Appended>>, Failure>>();
        observer.written();
        outcomes
    });
    match written {
        Ok(outcomes) => {
            let members = || group.iter().flat_map(|batch| &batch.members).zip(outcomes.iter().flatten());
            let committed = members().filter(|(_, outcome)| **outcome == Appended::Committed);
            let events: usize = committed.clone().map(|(member, _)| member.events.len()).sum();
            let (total, durable) = (members().count(), committed.count());
            observer.committed(Commit { members: total, conflicts: total - durable, events, took: began.elapsed() });
            for (batch, outcome) in group.into_iter().zip(outcomes) {
                let _ = batch.answer.send(Ok(outcome));
            }
        }
        Err(failure) => {
            for batch in group {
                let _ = batch.answer.send(Err(failure.clone()));
            }
        }
    }
}

/// Writes one member, or nothing of it when it is a conflict or its right was lost.
pub(crate) fn write_member(connection: &mut SqliteConnection, member: &PreparedAppend) -> Result<Appended, Failure> {
    if let Some(fence) = member.fence
        && !has_shard(connection, fence)?
    {
        return Ok(Appended::Fenced);
    }
    // What may be a conflict is looked at before anything is written: so there is nothing to undo.
    if member.repeats_a_name || is_taken(connection, member)? || !move_head(connection, member)? {
        return Ok(Appended::Conflict);
    }
    for event in &member.events {
        put(connection, event)?;
    }
    if let Some(account) = &member.account_row {
        put(connection, account)?;
    }
    for order in &member.orders {
        put(connection, order)?;
    }
    for fill in &member.fills {
        put(connection, fill)?;
    }
    if member.reset {
        delete(positions::table.filter(positions::account_id.eq(Val(member.account)))).execute(connection)?;
        delete(balances::table.filter(balances::account_id.eq(Val(member.account)))).execute(connection)?;
    }
    for position in &member.positions {
        put(connection, position)?;
    }
    for balance in &member.balances {
        put(connection, balance)?;
    }
    if let (Some(fence), Some(position)) = (member.fence, member.position) {
        let Ok(number) = i32::try_from(fence.shard) else { return Ok(Appended::Fenced) };
        let shard = role_shards::table.find((fence.role, number));
        update(shard).set(role_shards::position.eq(Some(position))).execute(connection)?;
    }
    Ok(Appended::Committed)
}

/// Whether whoever has this fence has the shard.
fn has_shard(connection: &mut SqliteConnection, fence: Fence) -> Result<bool, Failure> {
    let Ok(number) = i32::try_from(fence.shard) else { return Ok(false) };
    let found = role_shards::table.find((fence.role, number)).select(role_shards::epoch);
    let epoch: Option<i64> = found.first(connection).optional()?;
    Ok(epoch.and_then(|epoch| u64::try_from(epoch).ok()) == Some(fence.epoch))
}

/// Whether the account has one of the new client order ids or fills already.
fn is_taken(connection: &mut SqliteConnection, member: &PreparedAppend) -> QueryResult<bool> {
    for order in member.orders.iter().map(|order| &order.0).filter(|order| member.begins(order)) {
        let taken: Option<i64> = orders::table
            .filter(
                orders::account_id.eq(Val(member.account)).and(orders::client_order_id.eq(Val(order.client_order_id))),
            )
            .select(orders::first_seq)
            .first(connection)
            .optional()?;
        if taken.is_some() {
            return Ok(true);
        }
    }
    for fill in &member.fills {
        let taken: Option<i64> =
            fills::table.find((Val(member.account), Val(fill.0.id))).select(fills::seq).first(connection).optional()?;
        if taken.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Moves the stream's head on, if it stands where the decision believed.
fn move_head(connection: &mut SqliteConnection, member: &PreparedAppend) -> QueryResult<bool> {
    let moved = if member.expected_seq == 0 {
        insert_into(stream_heads::table)
            .values((
                stream_heads::account_id.eq(Val(member.account)),
                stream_heads::org_id.eq(Val(member.org)),
                stream_heads::seq.eq(member.seq),
                stream_heads::hash.eq(Val(member.hash)),
            ))
            .on_conflict_do_nothing()
            .execute(connection)?
    } else {
        connection.execute_returning_count(&MoveHead(member))?
    };
    Ok(moved == 1)
}

/// The update of a head. diesel compiles an `update` anew each time; this text never changes, and is compiled once.
struct MoveHead<'a>(&'a PreparedAppend);

impl QueryId for MoveHead<'_> {
    type QueryId = MoveHead<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Sqlite> for MoveHead<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let Self(member) = self;
        out.push_sql("UPDATE stream_heads SET seq = ");
        out.push_bind_param::<BigInt, i64>(&member.seq)?;
        out.push_sql(", hash = ");
        out.push_bind_param::<Hash, Digest>(&member.hash)?;
        out.push_sql(" WHERE account_id = ");
        out.push_bind_param::<Id, AccountId>(&member.account)?;
        out.push_sql(" AND seq = ");
        out.push_bind_param::<BigInt, i64>(&member.expected_seq)
    }
}

fn put<R: BindTo<Sqlite> + 'static>(connection: &mut SqliteConnection, row: &Upsert<R>) -> QueryResult<()> {
    connection.execute_returning_count(row)?;
    Ok(())
}
