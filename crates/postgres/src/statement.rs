//! [`AppendStatement`]: a whole batch of appends as one statement, so that any number of commands is one round trip and
//! one sync, without a transaction around it.
//!
//! Each member stands or falls alone: `won` holds the accounts whose head stood where the decision believed and whose
//! names were free, and everything else is written for those. A loser is a missing row in the answer, not an error.
//! All parts see the same snapshot; that is enough, because every append to an account moves its head: whoever came in
//! between makes the expected number wrong. Heads are locked in the order of their ids, so that two batches never wait
//! for each other in a circle.
//!
//! Names are looked for as the first ones of a range in which nothing else is: while the server has no statistics of a
//! new table, it takes any index of the account for as good as the names' own, and would read all that the account has.
//! The order leaves it no choice.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text};
use velox_kernel::{AccountId, ClientOrderId, Digest, Fence, OrgId};
use velox_sql::rows::{
    AccountRecord, AccountRecords, BalanceRecord, BalanceRecords, EventRecord, EventRecords, FillRecord, FillRecords,
    OrderRecord, OrderRecords, PositionRecord, PositionRecords,
};
use velox_sql::types::{Hash, Id, Word};
use velox_sql::{Columns, PreparedAppend, Record};

/// The statement's arrays. `WIDE` is the form that writes every table; the narrow form is for members that only begin or
/// change orders, which most are. `FENCED` is the form in which members may name a right: it is locked until the commit, by
/// key, so that whoever takes it waits for that, and beats of its owner do not. A member that names one which is another
/// process's by now is told apart in the answer. `PLACED` is the form, fenced as well, in which members may say how far
/// their shard's topic is worked off with them.
#[derive(Debug, Default)]
pub(crate) struct AppendStatement<const WIDE: bool, const FENCED: bool, const PLACED: bool> {
    accounts: Vec<AccountId>,
    orgs: Vec<OrgId>,
    expected_seqs: Vec<i64>,
    seqs: Vec<i64>,
    hashes: Vec<Digest>,
    began_accounts: Vec<AccountId>,
    began_names: Vec<ClientOrderId>,
    events: EventRecords,
    orders: OrderRecords,
    account_rows: AccountRecords,
    fills: FillRecords,
    positions: PositionRecords,
    balances: BalanceRecords,
    resets: Vec<AccountId>,
    fenced_accounts: Vec<AccountId>,
    fenced_roles: Vec<&'static str>,
    fenced_shards: Vec<i32>,
    fenced_epochs: Vec<i64>,
    fenced_positions: Vec<Option<i64>>,
}

/// Whether a member needs the wide form.
pub(crate) fn is_wide(member: &PreparedAppend) -> bool {
    member.account_row.is_some()
        || !member.fills.is_empty()
        || !member.positions.is_empty()
        || !member.balances.is_empty()
        || member.reset
}

impl<const WIDE: bool, const FENCED: bool, const PLACED: bool> AppendStatement<WIDE, FENCED, PLACED> {
    /// Adds a member.
    pub(crate) fn push(&mut self, member: PreparedAppend) {
        for order in member.orders.iter().map(|order| &order.0).filter(|order| member.begins(order)) {
            self.began_accounts.push(member.account);
            self.began_names.push(order.client_order_id);
        }
        let PreparedAppend {
            account,
            org,
            expected_seq,
            seq,
            hash,
            events,
            account_row,
            orders,
            fills,
            positions,
            balances,
            reset,
            repeats_a_name: _,
            fence,
            position,
        } = member;
        self.accounts.push(account);
        self.orgs.push(org);
        self.expected_seqs.push(expected_seq);
        self.seqs.push(seq);
        self.hashes.push(hash);
        events.into_iter().for_each(|event| self.events.push(event.0));
        orders.into_iter().for_each(|order| self.orders.push(order.0));
        account_row.into_iter().for_each(|row| self.account_rows.push(row.0));
        fills.into_iter().for_each(|fill| self.fills.push(fill.0));
        positions.into_iter().for_each(|position| self.positions.push(position.0));
        balances.into_iter().for_each(|balance| self.balances.push(balance.0));
        if reset {
            self.resets.push(account);
        }
        if let Some(Fence { role, shard, epoch }) = fence {
            self.fenced_accounts.push(account);
            self.fenced_roles.push(role);
            // Neither has such numbers in the store: nobody has that right.
            self.fenced_shards.push(i32::try_from(shard).unwrap_or(-1));
            self.fenced_epochs.push(i64::try_from(epoch).unwrap_or(-1));
            self.fenced_positions.push(position);
        }
    }
}

impl<const WIDE: bool, const FENCED: bool, const PLACED: bool> QueryId for AppendStatement<WIDE, FENCED, PLACED> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const WIDE: bool, const FENCED: bool, const PLACED: bool> Query for AppendStatement<WIDE, FENCED, PLACED> {
    /// An account, and whether its right was lost; the accounts that are missing lost their race.
    type SqlType = (Id, Bool);
}

/// `, name AS (INSERT … FROM rows WHERE account WON … )`.
fn insert<'b, R: Record>(
    out: &mut AstPass<'_, 'b, Pg>,
    name: &str,
    account: &str,
    rows: impl FnOnce(AstPass<'_, 'b, Pg>) -> QueryResult<()>,
) -> QueryResult<()> {
    for part in [", ", name, " AS (INSERT INTO ", R::TABLE, " (", R::COLUMNS, ") SELECT ", R::COLUMNS, " FROM "] {
        out.push_sql(part);
    }
    rows(out.reborrow())?;
    for part in [" WHERE ", account, " IN (SELECT account_id FROM won)", R::ON_CONFLICT, ")"] {
        out.push_sql(part);
    }
    Ok(())
}

impl<const WIDE: bool, const FENCED: bool, const PLACED: bool> QueryFragment<Pg>
    for AppendStatement<WIDE, FENCED, PLACED>
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH input AS MATERIALIZED (SELECT * FROM unnest(");
        out.push_bind_param::<Array<Id>, Vec<AccountId>>(&self.accounts)?;
        out.push_sql("::uuid[], ");
        out.push_bind_param::<Array<Id>, Vec<OrgId>>(&self.orgs)?;
        out.push_sql("::uuid[], ");
        out.push_bind_param::<Array<BigInt>, Vec<i64>>(&self.expected_seqs)?;
        out.push_sql("::int8[], ");
        out.push_bind_param::<Array<BigInt>, Vec<i64>>(&self.seqs)?;
        out.push_sql("::int8[], ");
        out.push_bind_param::<Array<Hash>, Vec<Digest>>(&self.hashes)?;
        out.push_sql("::bytea[]) AS t (account_id, org_id, expected_seq, seq, hash)), ");
        if FENCED {
            out.push_sql("fences AS MATERIALIZED (SELECT * FROM unnest(");
            out.push_bind_param::<Array<Id>, Vec<AccountId>>(&self.fenced_accounts)?;
            out.push_sql("::uuid[], ");
            out.push_bind_param::<Array<Text>, Vec<&'static str>>(&self.fenced_roles)?;
            out.push_sql("::text[], ");
            out.push_bind_param::<Array<Integer>, Vec<i32>>(&self.fenced_shards)?;
            out.push_sql("::int4[], ");
            out.push_bind_param::<Array<BigInt>, Vec<i64>>(&self.fenced_epochs)?;
            out.push_sql(
                "::int8[]) AS t (account_id, role, shard, epoch)), \
                 kept AS MATERIALIZED (\
                    SELECT s.role, s.shard, s.epoch FROM role_shards s \
                    WHERE (s.role, s.shard, s.epoch) IN (SELECT role, shard, epoch FROM fences) \
                    ORDER BY s.role, s.shard FOR KEY SHARE OF s), \
                 fenced AS MATERIALIZED (\
                    SELECT account_id FROM fences f WHERE NOT EXISTS (\
                        SELECT FROM kept k WHERE k.role = f.role AND k.shard = f.shard AND k.epoch = f.epoch)), ",
            );
        }
        out.push_sql("taken AS MATERIALIZED (SELECT o.account_id FROM unnest(");
        out.push_bind_param::<Array<Id>, Vec<AccountId>>(&self.began_accounts)?;
        out.push_sql("::uuid[], ");
        out.push_bind_param::<Array<Word>, Vec<ClientOrderId>>(&self.began_names)?;
        out.push_sql(
            "::text[]) AS o (account_id, name) CROSS JOIN LATERAL \
             (SELECT FROM orders x WHERE x.account_id = o.account_id AND x.client_order_id BETWEEN o.name AND o.name \
                ORDER BY x.client_order_id LIMIT 1) AS x",
        );
        if WIDE {
            out.push_sql(" UNION ALL SELECT t.account_id FROM ");
            self.fills.unnest(out.reborrow())?;
            out.push_sql(
                " CROSS JOIN LATERAL (SELECT FROM fills x WHERE x.account_id = t.account_id \
                    AND x.id BETWEEN t.id AND t.id ORDER BY x.id LIMIT 1) AS x",
            );
        }
        if FENCED {
            out.push_sql(" UNION ALL SELECT account_id FROM fenced");
        }
        out.push_sql(
            "), locked AS MATERIALIZED (\
                SELECT h.account_id FROM input i \
                JOIN stream_heads h ON h.account_id = i.account_id AND h.seq = i.expected_seq \
                WHERE h.account_id NOT IN (SELECT account_id FROM taken) \
                ORDER BY h.account_id FOR UPDATE OF h), \
             moved AS (\
                UPDATE stream_heads h SET org_id = i.org_id, seq = i.seq, hash = i.hash \
                FROM input i WHERE h.account_id = i.account_id AND i.account_id IN (SELECT account_id FROM locked) \
                RETURNING h.account_id), \
             opened AS (\
                INSERT INTO stream_heads (account_id, org_id, seq, hash) \
                SELECT account_id, org_id, seq, hash FROM input \
                WHERE expected_seq = 0 AND account_id NOT IN (SELECT account_id FROM taken) \
                AND account_id NOT IN (SELECT account_id FROM locked) \
                ORDER BY account_id ON CONFLICT (account_id) DO NOTHING RETURNING account_id), \
             won AS MATERIALIZED (SELECT account_id FROM moved UNION ALL SELECT account_id FROM opened)",
        );
        insert::<EventRecord>(&mut out, "new_events", "account_id", |out| self.events.unnest(out))?;
        insert::<OrderRecord>(&mut out, "new_orders", "account_id", |out| self.orders.unnest(out))?;
        if WIDE {
            insert::<AccountRecord>(&mut out, "new_accounts", "id", |out| self.account_rows.unnest(out))?;
            insert::<FillRecord>(&mut out, "new_fills", "account_id", |out| self.fills.unnest(out))?;
            insert::<PositionRecord>(&mut out, "new_positions", "account_id", |out| self.positions.unnest(out))?;
            insert::<BalanceRecord>(&mut out, "new_balances", "account_id", |out| self.balances.unnest(out))?;
            // One statement may change a row once: what is written anew is not removed first.
            out.push_sql(", reset AS MATERIALIZED (SELECT r.account_id FROM unnest(");
            out.push_bind_param::<Array<Id>, Vec<AccountId>>(&self.resets)?;
            out.push_sql(
                "::uuid[]) AS r (account_id) WHERE r.account_id IN (SELECT account_id FROM won)), \
                 gone_positions AS (DELETE FROM positions p USING reset r WHERE p.account_id = r.account_id \
                    AND (p.account_id, p.strategy_id, p.symbol) NOT IN (SELECT account_id, strategy_id, symbol FROM ",
            );
            self.positions.unnest(out.reborrow())?;
            out.push_sql(
                ")), gone_balances AS (DELETE FROM balances b USING reset r WHERE b.account_id = r.account_id \
                    AND (b.account_id, b.currency) NOT IN (SELECT account_id, currency FROM ",
            );
            self.balances.unnest(out.reborrow())?;
            out.push_sql("))");
        }
        if PLACED {
            // Nobody else can write there: the rights are locked.
            out.push_sql(", placed AS MATERIALIZED (SELECT f.role, f.shard, max(p.position) AS position FROM unnest(");
            out.push_bind_param::<Array<Id>, Vec<AccountId>>(&self.fenced_accounts)?;
            out.push_sql("::uuid[], ");
            out.push_bind_param::<Array<Nullable<BigInt>>, Vec<Option<i64>>>(&self.fenced_positions)?;
            out.push_sql(
                "::int8[]) AS p (account_id, position) JOIN fences f ON f.account_id = p.account_id \
                 WHERE p.position IS NOT NULL AND f.account_id IN (SELECT account_id FROM won) \
                 GROUP BY f.role, f.shard), \
                 moved_on AS (UPDATE role_shards s SET position = p.position FROM placed p \
                    WHERE s.role = p.role AND s.shard = p.shard)",
            );
        }
        out.push_sql(" SELECT account_id, false FROM won");
        if FENCED {
            out.push_sql(" UNION ALL SELECT account_id, true FROM fenced");
        }
        Ok(())
    }
}
