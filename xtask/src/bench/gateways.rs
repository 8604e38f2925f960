//! What a second gateway gains: orders on one gateway against the same load over two that share a PostgreSQL, spread
//! over 1,000 accounts, and on one hot account that both write to. On a machine whose cores one gateway fills there is
//! nothing to gain; the figure is reported all the same.

use super::orders::{Market, Spread, Taken, median};
use super::ratio::interleaved;
use super::report::Figure;
use super::velox::{self, Program};
use super::{Settings, load};
use crate::postgres::{Cluster, Durability};
use std::cell::RefCell;

const ACCOUNTS: usize = 1_000;

/// Orders a second of two gateways against one, and how often they met.
pub(super) fn run(settings: &Settings) -> anyhow::Result<Vec<Figure>> {
    let cluster = Cluster::start(Durability::Synced)?;
    let url = format!("database.url={}", cluster.url());
    let first = Market::open(Program::Velox, "first", ACCOUNTS, Some(cluster))?;
    let keys = format!("secrets.keys_file={}", first.velox.data.0.join("keys.json").display());
    let second = velox::start(Program::Velox, "second", &["--set", &url, "--set", &keys])?;

    let mut figures = Vec::new();
    for (spread, over) in [(Spread::Wide, "1,000 accounts"), (Spread::Hot, "one hot account")] {
        for &connections in settings.connections.iter().filter(|connections| **connections > 1) {
            let (one, two) = (RefCell::new(Vec::<Taken>::new()), RefCell::new(Vec::new()));
            let ratio = interleaved(
                settings.rounds,
                || {
                    let taken = both(settings, &first, &second, spread, connections)?;
                    two.borrow_mut().push(taken);
                    Ok(taken.per_second)
                },
                || {
                    let taken = first.measure(settings, spread, connections)?;
                    let per_second = taken.per_second;
                    one.borrow_mut().push(taken);
                    Ok(per_second)
                },
            )?;
            figures.push(ratio.figure(&format!("{connections} connections, {over}: two gateways against one"))?);
            let mut figure = |name: &str, unit, values: Vec<f64>| {
                figures.push(Figure::new(format!("    {name}"), median(values), unit));
            };
            let (one, two) = (one.into_inner(), two.into_inner());
            figure("one: orders", "1/s", one.iter().map(|taken| taken.per_second).collect());
            figure("one: p99", "ms", one.iter().map(|taken| taken.p99_ms).collect());
            figure("two: orders", "1/s", two.iter().map(|taken| taken.per_second).collect());
            figure("two: p99", "ms", two.iter().map(|taken| taken.p99_ms).collect());
            figure("two: PostgreSQL's CPU an order", "us", two.iter().map(|taken| taken.database_cpu_us).collect());
        }
    }
    Ok(figures)
}

/// What two gateways took together.
#[derive(Clone, Copy)]
struct Both {
    per_second: f64,
    p99_ms: f64,
    database_cpu_us: f64,
}

/// Half the connections on each gateway, at the same time.
fn both(
    settings: &Settings,
    first: &Market,
    second: &velox::Velox,
    spread: Spread,
    connections: u32,
) -> anyhow::Result<Both> {
    let half = connections / 2;
    let (here, there) = first.place_on_both(settings, spread, second, half)?;
    let succeeded = load::float(here.succeeded + there.succeeded);
    Ok(Both {
        per_second: here.per_second() + there.per_second(),
        p99_ms: here.millis(0.99).max(there.millis(0.99)),
        // Both have looked at the same processes in the same time.
        database_cpu_us: here.database_cpu.max(there.database_cpu).as_secs_f64() * 1e6 / succeeded,
    })
}
