//! The ports that are the repository's functions.

use velox_kernel::{MemberId, RoleLook, Timestamp};
use velox_market::{Candle, Tidied};
use velox_sql::{
    Failure, InlineSqlite, impl_broker_store, impl_identity_store, impl_market_store, impl_relay_store,
    impl_shard_store, impl_trading_queries,
};

use crate::SqliteStore;

/// The most candles that are deleted in one transaction: orders wait for the same writer.
const DELETED: i64 = 1_000;

/// Runs a repository function on a reader.
macro_rules! read {
    ($store:ident, $area:ident::$function:ident($($argument:expr),*)) => {{
        let code = async move |conn: &mut InlineSqlite| {
            velox_sql::on_sqlite::$area::$function(conn, $($argument),*).await
        };
        let span = velox_sql::statement_span!("sqlite", $area::$function);
        velox_sql::traced(span, $store.read(code)).await.map_err(Into::into)
    }};
}
pub(crate) use read;

/// Runs a repository function on the writer, in a transaction.
macro_rules! change {
    ($store:ident, $area:ident::$function:ident($($argument:expr),*)) => {{
        let code = async move |conn: &mut InlineSqlite| {
            velox_sql::on_sqlite::$area::$function(conn, $($argument),*).await
        };
        let span = velox_sql::statement_span!("sqlite", $area::$function);
        velox_sql::traced(span, $store.write(code)).await.map_err(Into::into)
    }};
}

impl_trading_queries!(SqliteStore, read);
impl_identity_store!(SqliteStore, read, change);
impl_broker_store!(SqliteStore, read, change);
impl_market_store!(SqliteStore, read, change);
impl_relay_store!(SqliteStore, read, change);
impl_shard_store!(SqliteStore, change);

impl SqliteStore {
    /// The index by which a relay finds what is not published, which is there then.
    async fn index_unpublished(&self) -> Result<bool, Failure> {
        let index = "CREATE INDEX IF NOT EXISTS stream_heads_unpublished ON stream_heads (account_id) \
                     WHERE published_seq < seq";
        self.write(async move |conn: &mut InlineSqlite| Ok(conn.batch_execute(index).await?)).await?;
        Ok(true)
    }

    /// No other process can have the store: there is nobody to show it to.
    #[expect(clippy::unused_async, reason = "as where there may be others")]
    async fn appear(&self, _: MemberId) -> Result<(), Failure> {
        Ok(())
    }

    /// Everybody is seen.
    #[expect(clippy::unused_async, reason = "as where there may be others")]
    async fn see(&self, look: RoleLook) -> Result<RoleLook, Failure> {
        Ok(look)
    }

    /// Orders wait for the same writer.
    const CANDLES_AT_ONCE: usize = 1_000;

    async fn keep_candles(&self, candles: &[Candle]) -> Result<(), Failure> {
        let candles = candles.to_vec();
        change!(self, market::save_candles(&candles))
    }

    /// Rows go one by one: a file has no partitions.
    async fn tidy(&self, _: Timestamp, keep_from: Option<Timestamp>) -> Result<Tidied, Failure> {
        let Some(before) = keep_from else { return Ok(Tidied::All) };
        let gone: Result<usize, Failure> = change!(self, market::delete_candles(before, DELETED));
        Ok(if gone? == 0 { Tidied::All } else { Tidied::Some })
    }
}
