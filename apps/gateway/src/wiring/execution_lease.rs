//! [`ExecutionLease`]: which of the processes that share a database executes orders.

use std::convert::Infallible;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::Instant;
use velox_sql::Failure;
use velox_trading::StoreError;

use crate::execution::ExecutionGate;

/// How often the right is confirmed.
const CONFIRM: Duration = Duration::from_secs(1);
/// How long a confirmation is good for, from when it was asked for.
const GOOD_FOR: Duration = Duration::from_secs(3);
/// How long to wait after the right was taken: what the process before this one had sent to the server has ended there
/// by then, one way or the other, and the books are rebuilt from all of it.
const SETTLE: Duration = Duration::from_millis(300);

/// The right to execute orders. One process of those that share a database has it.
#[async_trait]
pub trait ExecutionLease: Send + Sync {
    /// Tries to take it and opens the gate; `false` when another process has it.
    ///
    /// # Errors
    /// [`StoreError`] when nobody can say; it is not held then.
    async fn try_acquire(&self, gate: &ExecutionGate) -> Result<bool, StoreError>;

    /// Keeps it and the gate open; ends when it is not certain any more, and says why.
    async fn hold(&self, gate: &ExecutionGate) -> Result<Infallible, StoreError>;
}

/// The lease of a store that no other process can have open.
pub struct AlwaysHeld;

#[async_trait]
impl ExecutionLease for AlwaysHeld {
    async fn try_acquire(&self, gate: &ExecutionGate) -> Result<bool, StoreError> {
        gate.open(None);
        Ok(true)
    }

    async fn hold(&self, _: &ExecutionGate) -> Result<Infallible, StoreError> {
        std::future::pending().await
    }
}

/// The lease of processes that share a PostgreSQL database.
pub(super) struct PostgresLease(Mutex<velox_postgres::ExecutionLease>);

impl PostgresLease {
    pub(super) fn new(lease: velox_postgres::ExecutionLease) -> Self {
        Self(Mutex::new(lease))
    }
}

#[async_trait]
impl ExecutionLease for PostgresLease {
    async fn try_acquire(&self, gate: &ExecutionGate) -> Result<bool, StoreError> {
        let mut lease = self.0.lock().await;
        let taken = lease.try_acquire().await?;
        if taken {
            gate.choose();
            tokio::time::sleep(SETTLE).await;
            confirm(&mut lease, gate).await?;
        }
        Ok(taken)
    }

    async fn hold(&self, gate: &ExecutionGate) -> Result<Infallible, StoreError> {
        let mut lease = self.0.lock().await;
        loop {
            // An end of the connection is heard of at once; silence takes a question.
            let _ = tokio::time::timeout(CONFIRM, lease.ended()).await;
            confirm(&mut lease, gate).await?;
        }
    }
}

async fn confirm(lease: &mut velox_postgres::ExecutionLease, gate: &ExecutionGate) -> Result<(), Failure> {
    let asked = Instant::now();
    lease.confirm().await?;
    gate.open(Some(asked + GOOD_FOR));
    Ok(())
}
