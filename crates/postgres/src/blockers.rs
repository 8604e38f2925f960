//! Who is in the way of a session that waits for a lock.

use std::pin::pin;
use std::time::Duration;

use tokio::time::interval;

use crate::pool::Pool;
use crate::session::Backend;

/// Asks about a session who it waits for; `idle in transaction` is the usual culprit.
const BLOCKERS: &str = "SELECT string_agg(format('process %s (%s, user %s, %s, for %s s: %s)', pid, application_name, \
     usename, state, round(extract(epoch FROM clock_timestamp() - coalesce(xact_start, query_start))), \
     left(query, 200)), '; ') FROM pg_stat_activity WHERE pid = ANY(pg_blocking_pids($1))";

/// Runs work on a session and looks meanwhile, from another one, who keeps it waiting. Answers with what was seen last.
pub(crate) async fn watched<T>(
    pool: &Pool,
    session: Option<Backend>,
    every: Duration,
    work: impl Future<Output = T>,
) -> (T, String) {
    let (mut work, mut by) = (pin!(work), String::from("nobody was seen"));
    let mut look = interval(every.max(Duration::from_millis(1)));
    // The first tick comes at once.
    look.tick().await;
    loop {
        tokio::select! {
            done = &mut work => return (done, by),
            _ = look.tick() => {}
        }
        let seen = async {
            find(pool, session?).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "who is in the way cannot be seen");
                None
            })
        };
        tokio::select! {
            done = &mut work => return (done, by),
            seen = seen => by = seen.unwrap_or(by),
        }
    }
}

async fn find(pool: &Pool, session: Backend) -> Result<Option<String>, tokio_postgres::Error> {
    let (client, driver) = pool.server().connect().await?;
    let driver = tokio::spawn(driver);
    let row = client.query_one(BLOCKERS, &[&session.pid]).await;
    drop(client);
    // What the connection says at its end does not matter any more.
    let _ = driver.await;
    row?.try_get(0)
}
