//! The ports that are the repository's functions.

use velox_sql::{
    impl_broker_store, impl_identity_store, impl_market_store, impl_relay_store, impl_shard_store, impl_trading_queries,
};

use crate::PostgresStore;

/// Runs a repository function on a session of the pool, within the deadline of a statement; once more on a fresh session
/// when the first one turns out to be dead. What it runs must be the same when it is done twice.
macro_rules! read {
    ($store:ident, $area:ident::$function:ident($($argument:expr),*)) => {
        $crate::ports::read_since!($store, None, $area::$function($($argument),*))
    };
}
pub(crate) use read;

/// [`read`] on a session of a replica that has replayed the history up to a position, if one is given.
macro_rules! read_since {
    ($store:ident, $since:expr, $area:ident::$function:ident($($argument:expr),*)) => {{
        let work = async {
            let mut is_first = true;
            loop {
                let mut lease = $store.lease().await?;
                let asked = async {
                    if let Some(since) = $since
                        && !crate::store::has_replayed(&mut lease, since).await?
                    {
                        return Ok(None);
                    }
                    velox_sql::on_postgres::$area::$function(&mut lease, $($argument),*).await.map(Some)
                };
                let answered = tokio::time::timeout($store.options().statement, asked).await;
                match lease.judge(answered) {
                    Err(velox_sql::Failure::Disconnected(_)) if is_first => is_first = false,
                    Ok(None) => break Err(crate::store::behind()),
                    Ok(Some(value)) => break Ok(value),
                    Err(failure) => break Err(failure),
                }
            }
        };
        let span = velox_sql::statement_span!("postgresql", $area::$function, db.namespace = $store.database());
        velox_sql::traced(span, work).await.map_err(Into::into)
    }};
}
pub(crate) use read_since;

/// Runs a repository function in a transaction.
macro_rules! change {
    ($store:ident, $area:ident::$function:ident($($argument:expr),*)) => {
        change_on!($store.pool(), $store, $area::$function($($argument),*))
    };
}

/// Runs a repository function in a transaction, on the session on which this process says what it has.
macro_rules! change_roles {
    ($store:ident, $area:ident::$function:ident($($argument:expr),*)) => {
        change_on!($store.roles().session(), $store, $area::$function($($argument),*))
    };
}

macro_rules! change_on {
    ($pool:expr, $store:ident, $area:ident::$function:ident($($argument:expr),*)) => {{
        let work = async {
            let mut lease = $pool.begin($store.options().statement).await?;
            let deadline = $store.options().statement;
            let work = async { velox_sql::on_postgres::$area::$function(&mut lease, $($argument),*).await };
            // Until a commit is sent, an error or a silence means that nothing was done: the dropped session undoes it.
            let value = tokio::time::timeout(deadline, work).await.map_err(|_| crate::lease::silence())??;
            lease.commit(deadline).await?;
            Ok(value)
        };
        let span = velox_sql::statement_span!("postgresql", $area::$function, db.namespace = $store.database());
        velox_sql::traced(span, work).await.map_err(Into::into)
    }};
}

impl_trading_queries!(PostgresStore, read);
impl_identity_store!(PostgresStore, read, change);
impl_broker_store!(PostgresStore, read, change);
impl_market_store!(PostgresStore, read, change);
impl_relay_store!(PostgresStore, read, change);
impl_shard_store!(PostgresStore, change_roles);
