//! The disk alone: how long a durable write must take at the least.

use super::report::Figure;
use super::{Settings, disk};

/// Writes and syncs, enough for a p99.
const WRITES: u32 = 1000;

/// The p50 and p99 of an 8 KiB write and fdatasync.
pub(super) fn run(_: &Settings) -> anyhow::Result<Vec<Figure>> {
    let times = disk::probe(WRITES)?;
    let figure = |name: &str, quantile| {
        let micros = std::time::Duration::from_micros(times.value_at_quantile(quantile));
        Figure::new(format!("8 KiB write and fdatasync, {name}"), micros.as_secs_f64() * 1e6, "us")
    };
    Ok(vec![figure("p50", 0.5), figure("p99", 0.99)])
}
