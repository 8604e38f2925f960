//! The repository for SQLite. Its source is shared with the other database.
#![expect(clippy::duplicate_mod, reason = "one source, compiled for each kind of connection")]

/// The kind of connection.
pub type Conn = crate::InlineSqlite;
/// The database behind it.
pub type Db = diesel::sqlite::Sqlite;

pub(crate) use crate::inline_sqlite::RunQueryDsl;

/// Runs statements that give nothing back.
pub(crate) async fn batch_execute(conn: &mut Conn, statements: &str) -> diesel::QueryResult<()> {
    conn.batch_execute(statements).await
}

/// Keeps rows, no two of the same key, one by one: SQLite has no arrays, and no round trips either.
pub(crate) async fn upsert_all<C: crate::Columns>(conn: &mut Conn, rows: Vec<C::Row>) -> Result<(), crate::Failure>
where
    C::Row: crate::BindTo<Db> + Send + 'static,
{
    for row in rows {
        RunQueryDsl::execute(crate::Upsert(row), conn).await?;
    }
    Ok(())
}

/// Raises the marks of streams, no two the same, one by one.
pub(crate) async fn raise_marks(
    conn: &mut Conn,
    marks: Vec<(velox_kernel::AccountId, i64)>,
) -> Result<(), crate::Failure> {
    use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, QueryDsl};

    use crate::schema::stream_heads::{account_id, published_seq, table};
    for (account, seq) in marks {
        let below = table.filter(account_id.eq(crate::Val(account)).and(published_seq.lt(seq)));
        RunQueryDsl::execute(diesel::update(below).set(published_seq.eq(seq)), conn).await?;
    }
    Ok(())
}

/// For each account, up to `limit` events after the number beside it, in order, one by one.
pub(crate) async fn event_tails(
    conn: &mut Conn,
    after: &[(velox_kernel::AccountId, u64)],
    limit: u32,
) -> Result<Vec<crate::rows::EventRecord>, crate::Failure> {
    let mut records = Vec::new();
    for (account, newest) in after {
        records.extend(trading::event_records(conn, *account, *newest, limit).await?);
    }
    Ok(records)
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// A condition, and the share of rows for which the planner is to believe that it is true
    /// (<https://sqlite.org/lang_corefunc.html#likelihood>).
    fn likelihood<T: diesel::sql_types::SqlType + diesel::sql_types::SingleValue>(
        condition: T,
        share: diesel::sql_types::Double,
    ) -> T;
}

crate::literal::literal! {
    /// One row in a million.
    Seldom: diesel::sql_types::Double = "0.000001"
}

/// A column's value, by which the planner is to look for an index: without figures about a table it takes an index of one
/// column for nearly as good as one of two.
macro_rules! only {
    ($column:expr, $value:expr) => {
        super::super::likelihood($column.eq($value), super::super::Seldom)
    };
}

#[path = "repo/brokers.rs"]
pub mod brokers;
#[path = "repo/identity.rs"]
pub mod identity;
#[path = "repo/market.rs"]
pub mod market;
#[path = "repo/migrate.rs"]
pub mod migrate;
#[path = "repo/relay.rs"]
pub mod relay;
#[path = "repo/shards.rs"]
pub mod shards;
#[path = "repo/trading.rs"]
pub mod trading;
