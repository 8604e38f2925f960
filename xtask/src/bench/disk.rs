//! What the disk can do: the yardstick of every durable write.

use crate::workspace;
use anyhow::Context;
use hdrhistogram::Histogram;
use std::io::Write;
use std::time::Duration;

/// Of one write and sync.
const BLOCK: usize = 8 * 1024;

/// Appends `count` blocks of 8 KiB to a new file under target/bench, each followed by fdatasync, and answers the times
/// in microseconds.
pub(super) fn probe(count: u32) -> anyhow::Result<Histogram<u64>> {
    let folder = workspace::target().join("bench");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("probe-{}", std::process::id()));
    let times = write(&path, count);
    let _nothing_was_made = std::fs::remove_file(&path);
    times
}

fn write(path: &std::path::Path, count: u32) -> anyhow::Result<Histogram<u64>> {
    let mut file = std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut times = Histogram::new(3)?;
    for _ in 0..count {
        let start = tokio::time::Instant::now();
        file.write_all(&[0x5a; BLOCK])?;
        file.sync_data()?;
        times.record(micros(start.elapsed()))?;
    }
    Ok(times)
}

/// Whole microseconds, at least one: a histogram has no zero.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).max(1)
}
