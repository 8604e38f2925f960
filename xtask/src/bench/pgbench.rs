//! `pgbench` as the yardstick of a durable write: the statements that Velox issues for one resting order, replayed one
//! order at a time on the same server, with fsync on, by a load generator on the same core.
//!
//! The statements are read off PostgreSQL itself (`pg_stat_activity`, and the rows that Velox wrote), so they are
//! those of this very build. What differs: ids are made by expressions of the statement, because `pgbench` knows no
//! uuids, and every order pays for its own commits while Velox's orders share theirs.

mod script;
mod statements;
mod yardstick;

use super::Settings;
use super::orders::{Market, Spread, Taken, median};
use super::pin;
use super::ratio::interleaved;
use super::report::Figure;
use super::sql::psql;
use super::velox::Program;
use crate::postgres::{Cluster, Durability};
use anyhow::Context;
use statements::Statements;
use std::cell::RefCell;
use yardstick::{Run, Yardstick};

const ACCOUNTS: u32 = 1_000;
/// The number of connections at which it is measured without shared commits, too.
const ALONE: u32 = 32;

/// Orders a second of Velox on PostgreSQL against `pgbench` on the same connections, and both sides' CPU.
pub(super) fn run(settings: &Settings) -> anyhow::Result<Vec<Figure>> {
    match pin::core()? {
        Some(core) => println!("both load generators are kept on core {core}, the servers are not"),
        None => println!("neither load generator is kept on a core: there is only one, or no taskset"),
    }
    let cluster = Some(Cluster::start(Durability::Synced)?);
    let mut market = Market::open(Program::Velox, "pgbench", usize::try_from(ACCOUNTS)?, cluster)?;
    let yardstick = {
        let cluster = market.database.as_ref().context("no database")?;
        let place = || market.measure(settings, Spread::Wide, 1).map(drop);
        Yardstick::make(cluster, &Statements::seen_while(settings, cluster, place)?)?
    };
    let mut figures = Vec::new();
    for &connections in &settings.connections {
        let what = format!("{connections} connections, 1,000 accounts");
        figures.extend(compare(settings, &market, &yardstick, connections, &what)?);
    }
    if let Some(&connections) = settings.connections.iter().find(|connections| **connections == ALONE) {
        // As many sessions as `pgbench` has, each commit one account's alone.
        let pool = format!("database.pool_size={connections}");
        market = market.restart("pgbench-alone", &["--set", "trading.max_batch=1", "--set", &pool])?;
        // Not measured: each account is read when it is first needed, and each session plans its statements.
        market.measure(settings, Spread::Wide, connections)?;
        let what = format!("{connections} connections, 1,000 accounts, no shared commits");
        figures.extend(compare(settings, &market, &yardstick, connections, &what)?);
    }
    Ok(figures)
}

/// Interleaved rounds of Velox and `pgbench`, of so many connections each.
fn compare(
    settings: &Settings,
    market: &Market,
    yardstick: &Yardstick,
    connections: u32,
    what: &str,
) -> anyhow::Result<Vec<Figure>> {
    let cluster = market.database.as_ref().context("no database")?;
    let (ours, theirs) = (RefCell::new(Vec::<Taken>::new()), RefCell::new(Vec::<Run>::new()));
    let ratio = interleaved(
        settings.rounds,
        || {
            let taken = pin::on_one_core(|| market.measure(settings, Spread::Wide, connections))?;
            let per_second = taken.per_second;
            ours.borrow_mut().push(taken);
            Ok(per_second)
        },
        || {
            let run = pin::on_one_core(|| yardstick.run(settings, cluster, connections))?;
            let per_second = run.per_second;
            theirs.borrow_mut().push(run);
            Ok(per_second)
        },
    )?;
    let mut figures = vec![ratio.figure(&format!("postgres, {what}: orders/s against pgbench"))?];
    let mut figure = |name: &str, unit, value: f64| figures.push(Figure::new(format!("    {name}"), value, unit));
    let (ours, theirs) = (ours.into_inner(), theirs.into_inner());
    let of_ours = |of: fn(&Taken) -> f64| median(ours.iter().map(of).collect());
    let of_theirs = |of: fn(&Run) -> f64| median(theirs.iter().map(of).collect());
    figure("velox: orders", "1/s", of_ours(|taken| taken.per_second));
    figure("velox: server CPU an order", "us", of_ours(|taken| taken.cpu_us));
    figure("velox: PostgreSQL's CPU an order", "us", of_ours(|taken| taken.database_cpu_us));
    figure("velox: p99", "ms", of_ours(|taken| taken.p99_ms));
    figure("velox: commits an order", "", of_ours(|taken| taken.commits_an_order));
    figure("velox: events a commit", "", of_ours(|taken| taken.events_a_commit));
    figure("velox: acknowledged by the broker by accepted", "x", of_ours(|taken| taken.acknowledged));
    figure("velox: database sessions", "", sessions(cluster)?);
    figure("pgbench: database sessions", "", f64::from(connections));
    figure("pgbench: orders (three commits each)", "1/s", of_theirs(|run| run.per_second));
    figure("pgbench: PostgreSQL's CPU an order", "us", of_theirs(|run| run.database_cpu_us));
    Ok(figures)
}

/// The sessions of Velox's pool that are open; a pool opens them when they are wanted.
fn sessions(cluster: &Cluster) -> anyhow::Result<f64> {
    let open = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'velox'";
    Ok(psql(cluster, "postgres", open)?.trim().parse()?)
}
