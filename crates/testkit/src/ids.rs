//! [`CountingIds`]: identifiers that are the same in every run.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;
use velox_kernel::Ids;

/// Gives UUIDs of version 7 whose last bits count up from 1.
#[derive(Debug, Default)]
pub struct CountingIds(AtomicU64);

impl Ids for CountingIds {
    fn next(&self) -> Uuid {
        let count = u128::from(self.0.fetch_add(1, Ordering::SeqCst) + 1);
        Uuid::from_u128(0x019b_8e4c_0000_7000_8000_0000_0000_0000 | count)
    }
}
