//! Candles on PostgreSQL: partitions by time or a hypertable, COPY for what is new, upserts for what may be there.

mod bulk;
mod partitions;
mod spans;

pub(crate) use partitions::are_readable;

use std::sync::{PoisonError, RwLock};

use tokio::sync::OnceCell;
use tokio::time::timeout;
use velox_kernel::Timestamp;
use velox_market::{Candle, Tidied};
use velox_sql::Failure;
use velox_sql::on_postgres::market;

use crate::PostgresStore;
use crate::lease::{Lease, silence};
use spans::Span;

/// From so many candles on, COPY is worth its round trips.
const BULK: usize = 500;
/// For how many months ahead there are partitions: a month that begins needs none made at that moment.
const AHEAD: u32 = 3;
/// What the server says of a candle that no partition is for.
const NO_PARTITION: &str = "no partition of relation";

/// What is known of how the server keeps candles.
#[derive(Default)]
pub(crate) struct CandleTable {
    partitioned: OnceCell<bool>,
    /// The times that have a partition, as far as is known.
    spans: RwLock<Vec<Span>>,
    bulk: bulk::Bulk,
}

impl CandleTable {
    fn has(&self, at: Timestamp) -> bool {
        self.spans.read().unwrap_or_else(PoisonError::into_inner).iter().any(|span| span.has(at))
    }

    fn set(&self, spans: Vec<Span>) {
        *self.spans.write().unwrap_or_else(PoisonError::into_inner) = spans;
    }
}

impl PostgresStore {
    /// Each batch costs a few round trips and a sync.
    pub(crate) const CANDLES_AT_ONCE: usize = 5_000;

    /// Keeps candles; within a batch the last of a symbol, timeframe and time wins.
    pub(crate) async fn keep_candles(&self, candles: &[Candle]) -> Result<(), Failure> {
        self.make_partitions(candles.iter().map(|candle| candle.open_time)).await?;
        match self.write_candles(candles).await {
            // Another process has dropped one since: what is dropped by its age may be loaded again.
            Err(Failure::Corrupt(reason)) if reason.starts_with(NO_PARTITION) => {
                self.candles().set(Vec::new());
                self.make_partitions(candles.iter().map(|candle| candle.open_time)).await?;
                self.write_candles(candles).await
            }
            written => written,
        }
    }

    async fn write_candles(&self, candles: &[Candle]) -> Result<(), Failure> {
        let server = self.pool().server();
        if candles.len() >= BULK && self.candles().bulk.copy(server, candles, self.options().statement).await? {
            return Ok(());
        }
        let mut lease = self.begin().await?;
        let deadline = self.options().statement;
        timeout(deadline, market::save_candles(&mut lease, candles)).await.map_err(|_| silence())??;
        lease.commit(deadline).await
    }

    async fn is_partitioned(&self) -> Result<bool, Failure> {
        let ask = || async {
            let mut lease = self.lease().await?;
            let asked = timeout(self.options().statement, partitions::are_used(&mut lease)).await;
            lease.judge(asked)
        };
        self.candles().partitioned.get_or_try_init(ask).await.copied()
    }

    /// Sees to it that there are partitions for these moments.
    async fn make_partitions(&self, moments: impl Iterator<Item = Timestamp>) -> Result<(), Failure> {
        let mut new: Vec<Timestamp> = moments.filter(|at| !self.candles().has(*at)).collect();
        if new.is_empty() || !self.is_partitioned().await? {
            return Ok(());
        }
        new.sort_unstable();
        new.dedup_by_key(|at| Span::month(*at).from);
        let mut lease = self.begin().await?;
        let deadline = self.options().statement;
        let spans = timeout(deadline, partitions::make(&mut lease, new)).await.map_err(|_| silence())??;
        lease.commit(deadline).await?;
        self.candles().set(spans);
        Ok(())
    }

    /// Makes partitions ahead, and drops at most one whose time is over.
    pub(crate) async fn tidy(&self, now: Timestamp, keep_from: Option<Timestamp>) -> Result<Tidied, Failure> {
        self.candles().bulk.rest();
        let mut ahead = vec![now];
        for _ in 0..AHEAD {
            ahead.extend(ahead.last().map(|month| Span::month(*month).to));
        }
        self.make_partitions(ahead.into_iter()).await?;
        let Some(before) = keep_from else { return Ok(Tidied::All) };
        let partitioned = self.is_partitioned().await?;
        let mut lease = self.begin().await?;
        let deadline = self.options().statement;
        let work = drop_one(&mut lease, partitioned, before);
        let dropped = timeout(deadline, work).await.map_err(|_| silence())??;
        lease.commit(deadline).await?;
        if dropped == Tidied::Some {
            self.candles().set(Vec::new());
        }
        Ok(dropped)
    }
}

/// Drops the oldest partition whose time is over, or all chunks of a hypertable for which that is so.
async fn drop_one(lease: &mut Lease, partitioned: bool, before: Timestamp) -> Result<Tidied, Failure> {
    if !partitions::is_alone(lease).await? {
        return Ok(Tidied::All);
    }
    if !partitioned {
        partitions::drop_chunks(lease, before).await?;
        return Ok(Tidied::All);
    }
    let partitions = partitions::list(lease).await?;
    let over = |span: Span| span.to <= before;
    match partitions.iter().find(|partition| partition.span().is_some_and(over)) {
        Some(partition) => partitions::drop(lease, partition).await.map(|()| Tidied::Some),
        None => Ok(Tidied::All),
    }
}
