//! A wall clock that goes with tokio's paused time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use velox_kernel::{Clock, Timestamp};

/// Shows `start` when it is made, and moves as paused time does.
pub(crate) struct Wall {
    start: Timestamp,
    since: Instant,
}

impl Wall {
    /// A wall clock that shows 2026-01-05T12:00:33Z, in the middle of a minute.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { start: noon().plus(Duration::from_secs(33)), since: Instant::now() })
    }
}

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        self.start.plus(self.since.elapsed())
    }
}

/// 2026-01-05T12:00:00Z.
pub(crate) fn noon() -> Timestamp {
    Timestamp::from_seconds(1_767_614_400)
}
