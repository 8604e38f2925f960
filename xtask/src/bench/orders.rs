//! Accepted resting limit orders over HTTP: what durability costs, at 1, 32 and 128 connections, over many accounts and
//! over a single hot one.

use super::api::{Api, request};
use super::load::{self, Load, Measured};
use super::ratio::interleaved;
use super::report::Figure;
use super::velox::{Program, Velox};
use super::{Settings, disk, velox};
use crate::postgres::{Cluster, Durability};
use anyhow::{bail, ensure};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Accounts that orders are spread over.
const ACCOUNTS: usize = 1_000;
/// Orders on one hot account before the next one takes its place: an account has at most 10,000 open.
const HOT_ORDERS: u64 = 9_000;
/// More orders a second than any machine here takes: so many hot accounts are kept ready.
const MOST_PER_SECOND: u64 = 20_000;
/// Of the disk's yardstick, before and after.
const WRITES: u32 = 1_000;

/// Over which accounts the orders go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spread {
    /// One after the other of 1,000.
    Wide,
    /// All on one at a time.
    Hot,
}

/// A server that takes orders.
pub(super) struct Market {
    pub(super) velox: Velox,
    pub(super) database: Option<Cluster>,
    pub(super) api: RefCell<Api>,
    pub(super) accounts: Vec<String>,
}

/// What one measurement gave.
#[derive(Clone)]
pub(super) struct Taken {
    pub(super) per_second: f64,
    pub(super) cpu_us: f64,
    pub(super) database_cpu_us: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) events_a_commit: f64,
    pub(super) commits_an_order: f64,
    pub(super) acknowledged: f64,
    detail: serde_json::Value,
}

/// For both stores, both spreads and each number of connections: the ratio to the in-memory store, and both sides' CPU,
/// latency and commits.
pub(super) fn run(settings: &Settings) -> anyhow::Result<Vec<Figure>> {
    let memory = Market::open(Program::Memory, "yardstick", ACCOUNTS, None)?;
    let mut figures = Vec::new();
    for store in &settings.stores {
        let durable = Market::on(store, store, ACCOUNTS)?;
        for spread in [Spread::Wide, Spread::Hot] {
            for &connections in &settings.connections {
                figures.extend(compare(settings, store, &durable, &memory, spread, connections)?);
            }
        }
    }
    Ok(figures)
}

fn compare(
    settings: &Settings,
    store: &str,
    durable: &Market,
    memory: &Market,
    spread: Spread,
    connections: u32,
) -> anyhow::Result<Vec<Figure>> {
    let disk_before = disk::probe(WRITES)?;
    let (ours, theirs) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let measure = |market: &Market, into: &RefCell<Vec<Taken>>| {
        let taken = market.measure(settings, spread, connections)?;
        let per_second = taken.per_second;
        into.borrow_mut().push(taken);
        Ok(per_second)
    };
    let ratio = interleaved(settings.rounds, || measure(durable, &ours), || measure(memory, &theirs))?;
    let over = if spread == Spread::Wide { "1,000 accounts" } else { "one hot account" };
    let what = format!("{store}, {connections} connections, {over}");
    let mut figures = vec![ratio.figure(&format!("{what}: orders/s against in memory"))?];
    for (name, runs) in [(store, ours.into_inner()), ("memory", theirs.into_inner())] {
        let figure = |what: &str, unit, of: fn(&Taken) -> f64| {
            Figure::new(format!("    {name}: {what}"), median(runs.iter().map(of).collect()), unit)
        };
        let detail = runs.iter().map(|taken| taken.detail.clone()).collect();
        figures.push(figure("orders", "1/s", |taken| taken.per_second).detail(detail));
        figures.push(figure("server CPU an order", "us", |taken| taken.cpu_us));
        if name == "postgres" {
            figures.push(figure("PostgreSQL's CPU an order", "us", |taken| taken.database_cpu_us));
        }
        figures.push(figure("p50", "ms", |taken| taken.p50_ms));
        figures.push(figure("p99", "ms", |taken| taken.p99_ms));
        figures.push(figure("events a commit", "", |taken| taken.events_a_commit));
        figures.push(figure("commits an order", "", |taken| taken.commits_an_order));
        figures.push(figure("acknowledged by the broker by accepted", "x", |taken| taken.acknowledged));
    }
    if connections == 32 {
        let mut times = disk_before;
        times.add(disk::probe(WRITES)?)?;
        let write = Duration::from_micros(times.value_at_quantile(0.99)).as_secs_f64() * 1e3;
        figures.push(Figure::new("    8 KiB write and fdatasync, p99", write, "ms"));
        figures.push(Figure::new("    bound of the p99: 10 ms and twice that", 10.0 + 2.0 * write, "ms"));
    }
    Ok(figures)
}

impl Market {
    /// [`Market::open`] on the store of this name.
    pub(super) fn on(store: &str, name: &str, accounts: usize) -> anyhow::Result<Market> {
        let (program, cluster) = match store {
            "sqlite" => (Program::Velox, None),
            "postgres" => (Program::Velox, Some(Cluster::start(Durability::Synced)?)),
            // Against itself: how far apart two equal things come out.
            "memory" => (Program::Memory, None),
            _ => bail!("no store is called {store}"),
        };
        Market::open(program, name, accounts, cluster)
    }

    /// Starts a server and opens its accounts.
    pub(super) fn open(
        program: Program,
        name: &str,
        accounts: usize,
        database: Option<Cluster>,
    ) -> anyhow::Result<Market> {
        Market::open_with(program, name, accounts, database, &[])
    }

    /// [`Market::open`] with further flags.
    pub(super) fn open_with(
        program: Program,
        name: &str,
        accounts: usize,
        database: Option<Cluster>,
        args: &[&str],
    ) -> anyhow::Result<Market> {
        let url = database.as_ref().map(|cluster| format!("database.url={}", cluster.url()));
        let args: Vec<&str> = url.iter().flat_map(|url| ["--set", url.as_str()]).chain(args.iter().copied()).collect();
        let velox = velox::start(program, name, &args)?;
        let api = Api::sign_in(&velox)?;
        let accounts = api.open_accounts(accounts)?;
        Ok(Market { velox, database, api: RefCell::new(api), accounts })
    }

    /// The same with other flags: the server is started anew on the data and the database that are there.
    pub(super) fn restart(self, name: &str, args: &[&str]) -> anyhow::Result<Market> {
        let Market { velox, database, api: _, accounts } = self;
        let url = database.as_ref().map(|cluster| format!("database.url={}", cluster.url()));
        let args: Vec<&str> = url.iter().flat_map(|url| ["--set", url.as_str()]).chain(args.iter().copied()).collect();
        let velox = velox::start_on(Program::Velox, velox.stop(), name, &args)?;
        let api = Api::sign_in(&velox)?;
        Ok(Market { velox, database, api: RefCell::new(api), accounts })
    }

    /// Places orders for a while; they must all be accepted.
    pub(super) fn measure(&self, settings: &Settings, spread: Spread, connections: u32) -> anyhow::Result<Taken> {
        *self.api.borrow_mut() = Api::sign_in(&self.velox)?;
        let (accounts, each) = self.accounts_for(settings, spread)?;
        let api = self.api.borrow();
        let counts = || -> anyhow::Result<[f64; 4]> {
            Ok([
                api.metric("velox_commits_total", "")?,
                api.metric("velox_commit_events_sum", "")?,
                api.metric("velox_events_total", "\"order_accepted\"")?,
                api.metric("velox_events_total", "\"order_acknowledged\"")?,
            ])
        };
        let before = counts()?;
        let measured = place(&self.load(settings, connections), &api.token, accounts, each)?;
        let after = counts()?;
        ensure!(measured.refused == 0, "refused: {:?}", measured.first_refusal);
        let [commits, events, accepted, acknowledged] = std::array::from_fn(|at| after[at] - before[at]);
        Ok(Taken {
            per_second: measured.per_second(),
            cpu_us: measured.cpu_micros(),
            database_cpu_us: measured.database_cpu_micros(),
            p50_ms: measured.millis(0.5),
            p99_ms: measured.millis(0.99),
            events_a_commit: events / commits,
            commits_an_order: commits / accepted,
            acknowledged: acknowledged / accepted,
            detail: measured.json(),
        })
    }

    /// The accounts that orders go over, and how many on one before the next has its turn.
    fn accounts_for(&self, settings: &Settings, spread: Spread) -> anyhow::Result<(Vec<String>, u64)> {
        let time = settings.warm_up() + settings.measure() + Duration::from_secs(1);
        Ok(match spread {
            Spread::Wide => (self.accounts.clone(), 1),
            Spread::Hot => {
                let count = time.as_secs() * MOST_PER_SECOND / HOT_ORDERS + 1;
                (self.api.borrow().open_accounts(usize::try_from(count)?)?, HOT_ORDERS)
            }
        })
    }

    /// Requests to this server, over so many connections.
    pub(super) fn load(&self, settings: &Settings, connections: u32) -> Load {
        Load {
            address: self.velox.server.address,
            pid: self.velox.server.pid(),
            database: self.database.as_ref().map(Cluster::pid),
            connections,
            warm_up: settings.warm_up(),
            measure: settings.measure(),
        }
    }

    /// Places orders for a while on this server and another one of the same installation, at the same time and over the
    /// same accounts; they must all be accepted.
    pub(super) fn place_on_both(
        &self,
        settings: &Settings,
        spread: Spread,
        other: &Velox,
        connections: u32,
    ) -> anyhow::Result<(Measured, Measured)> {
        *self.api.borrow_mut() = Api::sign_in(&self.velox)?;
        let (accounts, each) = self.accounts_for(settings, spread)?;
        let token = self.api.borrow().token.clone();
        let here = self.load(settings, connections);
        let there = Load { address: other.server.address, pid: other.server.pid(), ..self.load(settings, connections) };
        let (here, there) = std::thread::scope(|scope| {
            let both = [(here, &accounts), (there, &accounts)].map(|(load, accounts)| {
                let token = &token;
                scope.spawn(move || place(&load, token, accounts.clone(), each))
            });
            let [here, there] = both.map(|run| run.join().map_err(|_| anyhow::anyhow!("a load generator panicked")));
            anyhow::Ok((here??, there??))
        })?;
        for measured in [&here, &there] {
            ensure!(measured.refused == 0, "refused: {:?}", measured.first_refusal);
        }
        Ok((here, there))
    }
}

/// Places orders over `accounts`, `each` on one account before the next has its turn.
fn place(load: &Load, token: &str, accounts: Vec<String>, each: u64) -> anyhow::Result<Measured> {
    let token = token.to_owned();
    let (sent, run) = (AtomicU64::new(0), next_run());
    load::run(load, move |_, _, bytes| {
        let number = sent.fetch_add(1, Ordering::Relaxed);
        let place = usize::try_from(number / each).unwrap_or(0) % accounts.len();
        bytes.extend_from_slice(&resting_order(&token, &accounts[place], &format!("r{run}-{number}")));
    })
}

/// Numbers the measurements of this process: the names of orders are unique for ever.
fn next_run() -> u64 {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    RUNS.fetch_add(1, Ordering::Relaxed)
}

/// A buy far below any price of the recording: it rests.
pub(super) fn resting_order(token: &str, account: &str, name: &str) -> Vec<u8> {
    let body = format!(
        r#"{{"account_id":"{account}","symbol":"BTC-PERP","side":"buy","type":"limit","quantity":"0.001","limit_price":"1000","client_order_id":"{name}"}}"#
    );
    request("POST", "/v1/orders", token, &body)
}

/// The median, between the middle two of an even number.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    f64::midpoint(values[last / 2], values[last.div_ceil(2)])
}
