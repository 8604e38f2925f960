//! [`FreshIds`]: identifiers that no other test has, so that tests can share a database.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;
use velox_kernel::Ids;

/// UUIDs of version 7 that count up within the process and differ between processes.
#[derive(Clone, Copy, Debug, Default)]
pub struct FreshIds;

static COUNT: AtomicU64 = AtomicU64::new(1);

impl Ids for FreshIds {
    fn next(&self) -> Uuid {
        static PROCESS: OnceLock<u64> = OnceLock::new();
        let process = *PROCESS.get_or_init(|| RandomState::new().build_hasher().finish() & 0xf_ffff_ffff);
        let count = u128::from(COUNT.fetch_add(1, Ordering::Relaxed));
        // 24 random bits stand in the time's place, 12 beside the version; the count fills the rest in order.
        let time = 0x019b_8e00_0000_u128 + u128::from(process >> 12);
        let random = u128::from(process & 0xfff);
        Uuid::from_u128((time << 80) | (0x7 << 76) | (random << 64) | (0b10 << 62) | count)
    }
}
