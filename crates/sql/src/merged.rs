//! [`Merged`]: the first rows of several lists of one order, as one list.

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, HasSqlType};
use diesel::sqlite::Sqlite;

/// The first rows of several lists (or of one), which no index has in one order but one has each of. The database takes rows
/// from all of them as it comes to them, and so reads little more than it gives.
#[derive(Debug)]
pub(crate) struct Merged<Q> {
    /// The lists, without order and limit. No row may be in two of them.
    pub(crate) lists: Vec<Q>,
    /// The order of each and of all: columns of theirs.
    pub(crate) order: &'static str,
    /// How many rows are wanted.
    pub(crate) limit: i64,
}

impl<Q> Merged<Q> {
    fn joined<'b, DB>(
        &'b self,
        mut out: AstPass<'_, 'b, DB>,
        list: impl Fn(&'b Q, AstPass<'_, 'b, DB>) -> QueryResult<()>,
    ) -> QueryResult<()>
    where
        DB: Backend + HasSqlType<BigInt>,
        i64: ToSql<BigInt, DB>,
    {
        for (place, query) in self.lists.iter().enumerate() {
            if place > 0 {
                out.push_sql(" UNION ALL ");
            }
            list(query, out.reborrow())?;
        }
        self.cut(out)
    }

    fn cut<'b, DB>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend + HasSqlType<BigInt>,
        i64: ToSql<BigInt, DB>,
    {
        out.push_sql(" ORDER BY ");
        out.push_sql(self.order);
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)
    }
}

/// PostgreSQL merges lists that have an order of their own (`Merge Append`); it takes only one order for a single list.
impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Merged<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.joined(out, |query, mut out| {
            if self.lists.len() == 1 {
                return query.walk_ast(out);
            }
            out.push_sql("(");
            query.walk_ast(out.reborrow())?;
            self.cut(out.reborrow())?;
            out.push_sql(")");
            Ok(())
        })
    }
}

/// SQLite gives each list the order of all (`MERGE`), and would sort one with an order of its own once more.
impl<Q: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Merged<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.joined(out, |query, out| query.walk_ast(out))
    }
}

impl<Q: Query> Query for Merged<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> QueryId for Merged<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q, Conn> diesel::RunQueryDsl<Conn> for Merged<Q> {}
