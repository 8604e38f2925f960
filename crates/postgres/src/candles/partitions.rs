//! The partitions of candles as the server has them.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use velox_kernel::Timestamp;
use velox_sql::Failure;
use velox_sql::types::Moment;

use super::spans::{Span, missing};

/// The advisory lock under which partitions are made and dropped: `velox` in ASCII, and a two.
const LOCK: i64 = 0x7665_6C6F_7802;
/// The most partitions that one batch of candles may ask for.
const MOST: usize = 128;
/// How long a partition's making or dropping waits for its locks: for so long others wait behind it.
const PATIENCE: &str = "SET LOCAL lock_timeout = 1000";

/// A partition.
#[derive(Debug, QueryableByName)]
pub(super) struct Partition {
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    #[diesel(sql_type = Nullable<Moment>)]
    from_time: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Moment>)]
    to_time: Option<Timestamp>,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = Moment)]
    at: Timestamp,
}

impl Partition {
    /// The time it is for; `None` for one without both ends, which is none of ours.
    pub(super) fn span(&self) -> Option<Span> {
        Some(Span { from: self.from_time?, to: self.to_time? })
    }
}

/// Whether candles are partitions of ours, and not a hypertable.
pub(super) async fn are_used(connection: &mut AsyncPgConnection) -> Result<bool, Failure> {
    let asked: Answer = diesel::sql_query("SELECT relkind = 'p' AS yes FROM pg_class WHERE oid = 'candles'::regclass")
        .get_result(connection)
        .await?;
    Ok(asked.yes)
}

/// Whether this server shows all candles: one that has a hypertable and has not loaded TimescaleDB, whose loader brings this
/// setting, leaves out what is compressed and says nothing.
pub(crate) async fn are_readable(connection: &mut AsyncPgConnection) -> Result<bool, Failure> {
    let asked: Answer = diesel::sql_query(
        "SELECT relkind = 'p' OR current_setting('timescaledb.disable_load', true) IS NOT NULL AS yes \
         FROM pg_class WHERE oid = 'candles'::regclass",
    )
    .get_result(connection)
    .await?;
    Ok(asked.yes)
}

/// Those that are there, the oldest first.
pub(super) async fn list(connection: &mut AsyncPgConnection) -> Result<Vec<Partition>, Failure> {
    let found = diesel::sql_query(
        "SELECT name, bounds[1]::timestamptz AS from_time, bounds[2]::timestamptz AS to_time FROM ( \
           SELECT c.oid::regclass::text AS name, \
             regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM \\('(.+)'\\) TO \\('(.+)'\\)$$) AS bounds \
           FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'candles'::regclass) p \
         ORDER BY from_time",
    )
    .load(connection)
    .await?;
    Ok(found)
}

/// Makes partitions for these moments where there are none; answers with the spans of all that are there then. Runs in the
/// caller's transaction.
pub(super) async fn make(
    connection: &mut AsyncPgConnection,
    moments: impl IntoIterator<Item = Timestamp> + Send,
) -> Result<Vec<Span>, Failure> {
    connection.batch_execute(&format!("{PATIENCE}; SELECT pg_advisory_xact_lock({LOCK})")).await?;
    let mut spans: Vec<Span> = list(connection).await?.iter().filter_map(Partition::span).collect();
    let Now { at } = diesel::sql_query("SELECT now() AS at").get_result(connection).await?;
    let new = missing(&spans, moments, at);
    if new.len() > MOST {
        let reason = format!("candles of one batch would need {} new partitions; {MOST} are the most", new.len());
        return Err(Failure::Unavailable(reason));
    }
    for span in new {
        // A table that is made by itself and then attached needs no lock that keeps readers or writers out.
        let (table, Span { from, to }) = (span.table(), span);
        tracing::info!(table, "making a partition of candles");
        let statements = format!(
            "CREATE TABLE {table} (LIKE candles INCLUDING ALL); \
             ALTER TABLE candles ATTACH PARTITION {table} FOR VALUES FROM ('{from}') TO ('{to}')"
        );
        connection.batch_execute(&statements).await?;
        spans.push(span);
    }
    Ok(spans)
}

/// Whether this process may keep house now; the lock goes with the transaction.
pub(super) async fn is_alone(connection: &mut AsyncPgConnection) -> Result<bool, Failure> {
    let asked: Answer =
        diesel::sql_query(format!("SELECT pg_try_advisory_xact_lock({LOCK}) AS yes")).get_result(connection).await?;
    Ok(asked.yes)
}

/// Drops one, with all that is in it.
pub(super) async fn drop(connection: &mut AsyncPgConnection, partition: &Partition) -> Result<(), Failure> {
    tracing::info!(table = partition.name, "dropping a partition of candles, whose time is over");
    Ok(connection.batch_execute(&format!("{PATIENCE}; DROP TABLE {}", partition.name)).await?)
}

/// Drops the chunks of a hypertable that end before a moment.
pub(super) async fn drop_chunks(connection: &mut AsyncPgConnection, before: Timestamp) -> Result<(), Failure> {
    let statement = format!("{PATIENCE}; SELECT drop_chunks('candles', older_than => '{before}'::timestamptz)");
    Ok(connection.batch_execute(&statement).await?)
}
