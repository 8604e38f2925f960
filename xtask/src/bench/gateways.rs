//! What a second gateway gains: orders on one gateway against the same load over two that share a PostgreSQL, spread
//! over 1,000 accounts, and on one hot account that both write to. On a machine whose cores one gateway fills there is
//! nothing to gain; the figure is reported all the same.

use super::api::Api;
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
            figure("one: server CPU an order", "us", one.iter().map(|taken| taken.cpu_us).collect());
            figure("two: server CPU an order, both", "us", two.iter().map(|taken| taken.cpu_us).collect());
            figure("one: PostgreSQL's CPU an order", "us", one.iter().map(|taken| taken.database_cpu_us).collect());
            figure("two: PostgreSQL's CPU an order", "us", two.iter().map(|taken| taken.database_cpu_us).collect());
            figure("one: events a commit", "", one.iter().map(|taken| taken.events_a_commit).collect());
            figure("two: events a commit", "", two.iter().map(|taken| taken.events_a_commit).collect());
            for (place, (name, _)) in MET.iter().enumerate() {
                figure(&format!("two: {name} an order"), "", two.iter().map(|taken| taken.met[place]).collect());
            }
        }
    }
    Ok(figures)
}

/// What tells how gateways met: its name, and its counter.
const MET: [(&str, &str); 3] = [
    ("conflicts", "velox_lane_conflicts_total"),
    ("decisions under the lock", "velox_lane_locked_total"),
    ("accounts read again before they were decided", "velox_lane_caught_up_total"),
];

/// What two gateways took together.
#[derive(Clone, Copy)]
struct Both {
    per_second: f64,
    p99_ms: f64,
    cpu_us: f64,
    database_cpu_us: f64,
    events_a_commit: f64,
    met: [f64; MET.len()],
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
    let counts = || -> anyhow::Result<Vec<f64>> {
        let here = Api::sign_in(&first.velox)?;
        let there = here.at(second);
        let both = |name: &str, label| anyhow::Ok(here.metric(name, label)? + there.metric(name, label)?);
        let mut counts = vec![
            both("velox_events_total", "\"order_accepted\"")?,
            both("velox_commits_total", "")?,
            both("velox_commit_events_sum", "")?,
        ];
        for (_, counter) in MET {
            counts.push(both(counter, "")?);
        }
        Ok(counts)
    };
    let before = counts()?;
    let (here, there) = first.place_on_both(settings, spread, second, half)?;
    let counted: Vec<f64> = counts()?.into_iter().zip(before).map(|(after, before)| after - before).collect();
    let succeeded = load::float(here.succeeded + there.succeeded);
    Ok(Both {
        cpu_us: (here.server_cpu + there.server_cpu).as_secs_f64() * 1e6 / succeeded,
        events_a_commit: counted[2] / counted[1],
        met: std::array::from_fn(|place| counted[3 + place] / counted[0]),
        per_second: here.per_second() + there.per_second(),
        p99_ms: here.millis(0.99).max(there.millis(0.99)),
        // Both have looked at the same processes in the same time.
        database_cpu_us: here.database_cpu.max(there.database_cpu).as_secs_f64() * 1e6 / succeeded,
    })
}
