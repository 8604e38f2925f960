//! The ports that are the repository's functions.

use velox_sql::{InlineSqlite, impl_broker_store, impl_identity_store, impl_market_store, impl_trading_queries};

use crate::SqliteStore;

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
