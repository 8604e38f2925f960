//! [`SqliteOptions`]: the bounds of the embedded store.

use std::sync::Arc;
use std::time::Duration;

use velox_sql::{CommitObserver, Unobserved};

/// The bounds of the embedded store.
#[derive(Clone)]
pub struct SqliteOptions {
    /// Writes that may wait for the writer. One more is refused at once. 1,024 by default.
    pub write_queue: usize,
    /// Appends that share a commit at most, over all waiting batches. 1,024 by default.
    pub group: usize,
    /// How long a caller waits for a write. 10 seconds by default.
    pub write_deadline: Duration,
    /// Threads that read. 2 by default.
    pub readers: usize,
    /// Reads that may wait for a reader. One more is refused at once. 1,024 by default.
    pub read_queue: usize,
    /// How long a caller waits for a read. 5 seconds by default.
    pub read_deadline: Duration,
    /// The page cache of each connection. 2 MiB by default.
    pub cache_kib: u32,
    /// Pages of 4 KiB in the write-ahead log before they are moved into the file. 2,000 by default; at eight times as many
    /// the writer waits until they are.
    pub checkpoint_pages: u32,
    /// The most pages the file may have; no bound when `None`.
    pub max_pages: Option<u32>,
    /// Whether a commit is on the disk when it is acknowledged. True by default; false is for the test that shows what
    /// is lost without.
    pub synced: bool,
    /// Hears of commits.
    pub observer: Arc<dyn CommitObserver>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            write_queue: 1_024,
            group: 1_024,
            write_deadline: Duration::from_secs(10),
            readers: 2,
            read_queue: 1_024,
            read_deadline: Duration::from_secs(5),
            cache_kib: 2_048,
            checkpoint_pages: 2_000,
            max_pages: None,
            synced: true,
            observer: Arc::new(Unobserved),
        }
    }
}
