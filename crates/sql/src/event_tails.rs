//! [`EventTails`]: the newest events of several accounts, in one question to PostgreSQL.

use diesel::QueryResult;
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt};
use velox_kernel::AccountId;

use crate::failure::Failure;
use crate::record::Record;
use crate::rows::{EventRecord, signed};
use crate::types::Id;

/// For each account the events after the number beside it, so many of each. Prepared once for any number of accounts.
#[derive(Debug)]
pub(crate) struct EventTails {
    accounts: Vec<AccountId>,
    after: Vec<i64>,
    limit: i64,
}

impl EventTails {
    pub(crate) fn new(after: &[(AccountId, u64)], limit: u32) -> Result<Self, Failure> {
        Ok(Self {
            accounts: after.iter().map(|(account, _)| *account).collect(),
            after: after.iter().map(|(_, seq)| signed(*seq)).collect::<Result<_, _>>()?,
            limit: limit.into(),
        })
    }
}

impl QueryId for EventTails {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for EventTails {
    type SqlType = SqlTypeOf<AsSelect<EventRecord, Pg>>;
}

impl QueryFragment<Pg> for EventTails {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for part in ["SELECT ", EventRecord::COLUMNS, " FROM unnest("] {
            out.push_sql(part);
        }
        out.push_bind_param::<Array<Id>, Vec<AccountId>>(&self.accounts)?;
        out.push_sql("::uuid[], ");
        out.push_bind_param::<Array<BigInt>, Vec<i64>>(&self.after)?;
        // One walk of the primary key for each account; nothing else says that to the planner.
        out.push_sql(
            "::int8[]) AS known (account, newest) CROSS JOIN LATERAL \
             (SELECT * FROM events e WHERE e.account_id = known.account AND e.seq > known.newest ORDER BY e.seq LIMIT ",
        );
        out.push_bind_param::<BigInt, i64>(&self.limit)?;
        out.push_sql(") AS tail ORDER BY account_id, seq");
        Ok(())
    }
}
