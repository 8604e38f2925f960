//! A log with an event that is larger than every buffer on the way to a client, and many after it.

use std::sync::Arc;

use actix_web::web::Bytes;
use async_trait::async_trait;
use velox_kernel::AccountId;
use velox_trading::{Append, Appended, DecideLocked, Head, RecordedEvent, Snapshot, StoreError, Trading, TradingLog};

/// The number of the newest event: what comes after the large one fills every queue.
const NEWEST: u64 = 100;
/// What the large one has, in bytes: more than the kernel holds for a socket.
const SIZE: usize = 12_000_000;

/// Another log, of whose first event many follow.
struct LongLog {
    under: Arc<dyn TradingLog>,
    payload: Bytes,
}

/// The same ports, with a large event and many small ones at the end of every log.
pub(super) fn lengthen(trading: Trading) -> Trading {
    let payload = Bytes::from(format!("{{\"pad\":\"{}\"}}", "x".repeat(SIZE)));
    Trading { log: Arc::new(LongLog { under: trading.log, payload }), ..trading }
}

#[async_trait]
impl TradingLog for LongLog {
    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Appended>, StoreError> {
        self.under.append(batch).await
    }

    async fn append_locked(
        &self,
        account: AccountId,
        known: Head,
        decide: Box<dyn DecideLocked>,
    ) -> Result<(Box<dyn DecideLocked>, Option<Appended>), StoreError> {
        self.under.append_locked(account, known, decide).await
    }

    async fn events(&self, account: AccountId, after: u64, _: u32) -> Result<Vec<RecordedEvent>, StoreError> {
        // As the databases count.
        i64::try_from(after).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let mut model = self.under.events(account, 0, 1).await?.remove(0);
        model.kind = "order_accepted".into();
        let mut events: Vec<_> = (after + 1..=NEWEST).map(|seq| RecordedEvent { seq, ..model.clone() }).collect();
        if let Some(first) = events.first_mut() {
            first.payload = self.payload.clone();
        }
        Ok(events)
    }

    async fn tails(&self, after: &[(AccountId, u64)], limit: u32) -> Result<Vec<Vec<RecordedEvent>>, StoreError> {
        self.under.tails(after, limit).await
    }

    async fn snapshot(&self, account: AccountId) -> Result<Option<Snapshot>, StoreError> {
        self.under.snapshot(account).await
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        self.under.save_snapshot(snapshot).await
    }
}
