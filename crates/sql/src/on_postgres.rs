//! The repository for PostgreSQL. Its source is shared with the other database.
#![expect(clippy::duplicate_mod, reason = "one source, compiled for each kind of connection")]

/// The kind of connection.
pub type Conn = diesel_async::AsyncPgConnection;
/// The database behind it.
pub type Db = diesel::pg::Pg;

pub(crate) use diesel_async::RunQueryDsl;

/// Runs statements that give nothing back.
pub(crate) async fn batch_execute(conn: &mut Conn, statements: &str) -> diesel::QueryResult<()> {
    diesel_async::SimpleAsyncConnection::batch_execute(conn, statements).await
}

/// Keeps rows, no two of the same key, in one statement.
pub(crate) async fn upsert_all<C: crate::Columns + Send + 'static>(
    conn: &mut Conn,
    rows: Vec<C::Row>,
) -> Result<(), crate::Failure> {
    let mut columns = C::default();
    rows.into_iter().for_each(|row| columns.push(row));
    RunQueryDsl::execute(crate::UpsertAll(columns), conn).await?;
    Ok(())
}

/// Raises the marks of streams, no two the same, in one statement.
pub(crate) async fn raise_marks(
    conn: &mut Conn,
    marks: Vec<(velox_kernel::AccountId, i64)>,
) -> Result<(), crate::Failure> {
    use diesel::sql_types::{Array, BigInt, Uuid};
    let (accounts, seqs): (Vec<uuid::Uuid>, Vec<i64>) =
        marks.into_iter().map(|(account, seq)| (account.uuid(), seq)).unzip();
    let statement = "UPDATE stream_heads SET published_seq = mark.seq FROM unnest($1::uuid[], $2::bigint[]) AS mark (account_id, seq) \
                     WHERE stream_heads.account_id = mark.account_id AND stream_heads.published_seq < mark.seq";
    let raised = diesel::sql_query(statement).bind::<Array<Uuid>, _>(accounts).bind::<Array<BigInt>, _>(seqs);
    RunQueryDsl::execute(raised, conn).await?;
    Ok(())
}

/// For each account, up to `limit` events after the number beside it, in order, in one statement.
pub(crate) async fn event_tails(
    conn: &mut Conn,
    after: &[(velox_kernel::AccountId, u64)],
    limit: u32,
) -> Result<Vec<crate::rows::EventRecord>, crate::Failure> {
    Ok(RunQueryDsl::load(crate::event_tails::EventTails::new(after, limit)?, conn).await?)
}

/// A column's value, by which the planner is to look for an index: of a range it believes that one row in two hundred is in
/// it, and of a value that as many rows have it as have any other.
macro_rules! only {
    ($column:expr, $value:expr) => {
        $column.eq($value).and($column.between($value, $value))
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
