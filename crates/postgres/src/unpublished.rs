//! The index by which a relay finds what is not published.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Nullable};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use std::time::Duration;
use tokio::time::timeout;
use velox_sql::Failure;

use crate::PostgresStore;
use crate::lease::silence;

/// The advisory lock of whoever builds the index: `velox` in ASCII, and a three.
const LOCK: i64 = 0x7665_6C6F_7803;
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// What the session may do longer than others, and nobody waits for: appends go on while the index is built.
const BUILD: &str = "CREATE INDEX CONCURRENTLY stream_heads_unpublished ON stream_heads (account_id) \
                     WHERE published_seq < seq";

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    turn: bool,
    #[diesel(sql_type = Nullable<Bool>)]
    valid: Option<bool>,
}

impl PostgresStore {
    /// Builds the index, unless it is there or another process builds it now; says whether it is there.
    pub(crate) async fn index_unpublished(&self) -> Result<bool, Failure> {
        let mut lease = self.lease().await?;
        let work = async {
            let question = format!(
                "SELECT pg_try_advisory_lock({LOCK}) AS turn, (SELECT indisvalid FROM pg_index \
                 WHERE indexrelid = to_regclass('stream_heads_unpublished')) AS valid"
            );
            let Found { turn, valid } = diesel::sql_query(question).get_result(&mut *lease).await?;
            if turn && valid != Some(true) {
                lease.batch_execute("SET statement_timeout = 0").await?;
                if valid.is_some() {
                    // What a process that was killed had begun.
                    lease.batch_execute("DROP INDEX CONCURRENTLY stream_heads_unpublished").await?;
                }
                lease.batch_execute(BUILD).await?;
            }
            Ok::<_, Failure>(turn || valid == Some(true))
        };
        // The session is closed afterwards, and the lock and its timeout with it.
        timeout(PATIENCE, work).await.map_err(|_| silence())?
    }
}
