//! What publishing costs, and how soon it is done: a gateway's CPU for an order while Kafka takes what is published against
//! one that is away, how fast a relay works a rest off, and the way of an order from one gateway to a stream of another.

mod market;
mod rates;

use super::Settings;
use super::api::Api;
use super::load::float;
use super::orders::{Market, Spread, Taken, median, resting_order};
use super::ratio::interleaved;
use super::report::Figure;
use super::server::{cpu_time, free_address};
use super::sql::psql;
use super::streams::{self, Listener};
use super::velox::{self, Program, Velox};
use crate::kafka::{BROKERS, Cluster as Kafka, REGISTRY, Wish};
use crate::postgres::{Cluster, Durability};
use crate::process;
use anyhow::{Context, ensure};
use std::cell::RefCell;
use std::time::Duration;
use tokio::time::Instant;

const ACCOUNTS: usize = 1_000;
/// Orders whose way to the other gateway is measured.
const ORDERS: usize = 400;
/// How long a relay may take for its rest, and how long it must be quiet to be done.
const PATIENCE: Duration = Duration::from_secs(180);
const QUIET: Duration = Duration::from_secs(3);

/// Orders with Kafka and without, the relay's rate, and the way from one gateway to another.
pub(super) fn run(settings: &Settings) -> anyhow::Result<Vec<Figure>> {
    let mut kafka = Kafka::begin(&Wish { registry: true, ..Wish::default() })?;
    kafka.wait()?;
    let variables = kafka.variables();
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone()).with_context(|| format!("Kafka has no {name}"))
    };
    let (brokers, registry) = (variable(BROKERS)?, variable(REGISTRY)?);
    let up = House::start("up", &brokers, &registry)?;
    // Nobody listens at a port that was free a moment ago.
    let away = House::start("away", &free_address()?.to_string(), &registry)?;

    let mut figures = Vec::new();
    for &connections in settings.connections.iter().filter(|connections| **connections > 1) {
        let (with, without) = (RefCell::new(Vec::<Taken>::new()), RefCell::new(Vec::<Taken>::new()));
        let measure = |house: &House, into: &RefCell<Vec<Taken>>| {
            let taken = house.market.measure(settings, Spread::Wide, connections)?;
            let cpu = taken.cpu_us;
            into.borrow_mut().push(taken);
            Ok(cpu)
        };
        let ratio = interleaved(settings.rounds, || measure(&up, &with), || measure(&away, &without))?;
        figures.push(ratio.figure(&format!("{connections} connections: gateway CPU an order, Kafka up against away"))?);
        for (name, runs) in [("up", with.into_inner()), ("away", without.into_inner())] {
            let figure = |what: &str, unit, of: fn(&Taken) -> f64| {
                Figure::new(format!("    {name}: {what}"), median(runs.iter().map(of).collect()), unit)
            };
            figures.push(figure("orders", "1/s", |taken| taken.per_second));
            figures.push(figure("gateway CPU an order", "us", |taken| taken.cpu_us));
            figures.push(figure("PostgreSQL's CPU an order, the relay's questions included", "us", |taken| {
                taken.database_cpu_us
            }));
            figures.push(figure("p99", "ms", |taken| taken.p99_ms));
        }
    }
    drop(away);
    figures.extend(up.work_off(settings)?);
    figures.extend(up.across()?);
    figures.extend(up.index_cost(settings)?);
    drop(up);
    figures.extend(market::run(settings, &brokers, &registry)?);
    figures.extend(rates::run(&brokers)?);
    Ok(figures)
}

/// A gateway that executes too, a relay of its own, and their database.
struct House {
    name: &'static str,
    relay: RefCell<Option<Velox>>,
    market: Market,
    flags: Vec<String>,
}

impl House {
    fn start(name: &'static str, brokers: &str, registry: &str) -> anyhow::Result<Self> {
        let database = Cluster::start(Durability::Synced)?;
        let url = format!("database.url={}", database.url());
        let topics = [
            format!("kafka.brokers={brokers}"),
            format!("kafka.registry_url={registry}"),
            format!("kafka.topic_prefix=bench-{name}"),
        ];
        let roles = "process.roles=gateway,execution,market-data";
        let args: Vec<&str> = std::iter::once(roles).chain(topics.iter().map(String::as_str)).flat_map(set).collect();
        let market = Market::open_with(Program::Velox, name, ACCOUNTS, Some(database), &args)?;
        let keys = format!("secrets.keys_file={}", market.velox.data.0.join("keys.json").display());
        let flags = topics.into_iter().chain([url, keys]).collect();
        let house = Self { name, relay: RefCell::default(), market, flags };
        house.start_relay()?;
        Ok(house)
    }

    /// A further process of it.
    fn process(&self, role: &str) -> anyhow::Result<Velox> {
        let roles = format!("process.roles={role}");
        let args: Vec<&str> = self.flags.iter().map(String::as_str).chain([roles.as_str()]).flat_map(set).collect();
        velox::start(Program::Velox, &format!("{}-{role}", self.name), &args)
    }

    fn start_relay(&self) -> anyhow::Result<()> {
        *self.relay.borrow_mut() = Some(self.process("relay")?);
        Ok(())
    }

    /// Lets events pile up without a relay, and measures how fast a new one publishes them.
    fn work_off(&self, settings: &Settings) -> anyhow::Result<Vec<Figure>> {
        *self.relay.borrow_mut() = None;
        let connections = settings.connections.iter().copied().max().unwrap_or(32);
        self.market.measure(settings, Spread::Wide, connections)?;
        self.start_relay()?;
        let relay = self.relay.borrow();
        let relay = relay.as_ref().context("it was just started")?;
        let api = Api::stranger(&relay.server);
        let (began, pid) = (Instant::now(), relay.server.pid());
        let look = || anyhow::Ok((api.metric("velox_relay_records_total", "")?, Instant::now(), cpu_time(pid)?));
        let mut first = look()?;
        while first.0 == 0.0 {
            wait(began)?;
            first = look()?;
        }
        // It is done when nothing more comes for a while.
        let mut last = first;
        while last.1.elapsed() < QUIET {
            wait(began)?;
            let now = look()?;
            if now.0 > last.0 {
                last = now;
            }
        }
        let records = last.0 - first.0;
        ensure!(records > 0.0, "there was no rest to work off");
        let cpu = last.2.saturating_sub(first.2);
        Ok(vec![
            Figure::new("a relay that works a rest off: records", records / (last.1 - first.1).as_secs_f64(), "1/s"),
            Figure::new("    records", records, ""),
            Figure::new("    relay CPU a record", cpu.as_secs_f64() * 1e6 / records, "us"),
        ])
    }

    /// What the index costs by which a relay finds its work: orders with it and without, while nobody publishes.
    fn index_cost(&self, settings: &Settings) -> anyhow::Result<Vec<Figure>> {
        *self.relay.borrow_mut() = None;
        let database = self.market.database.as_ref().context("no database")?;
        let connections = settings.connections.iter().copied().max().unwrap_or(32);
        let (with, without) = (RefCell::new(Vec::<Taken>::new()), RefCell::new(Vec::<Taken>::new()));
        let measure = |statement: &str, into: &RefCell<Vec<Taken>>| {
            psql(database, "postgres", statement)?;
            let taken = self.market.measure(settings, Spread::Wide, connections)?;
            let cpu = taken.database_cpu_us;
            into.borrow_mut().push(taken);
            Ok(cpu)
        };
        let make = "CREATE INDEX IF NOT EXISTS stream_heads_unpublished ON stream_heads (account_id) \
                    WHERE published_seq < seq";
        let drop = "DROP INDEX IF EXISTS stream_heads_unpublished";
        let ratio = interleaved(settings.rounds, || measure(make, &with), || measure(drop, &without))?;
        let mut figures =
            vec![ratio.figure("the index of what is unpublished: PostgreSQL's CPU an order, with it against without")?];
        for (name, runs) in [("with", with.into_inner()), ("without", without.into_inner())] {
            let orders = median(runs.iter().map(|taken| taken.per_second).collect());
            figures.push(Figure::new(format!("    {name}: orders"), orders, "1/s"));
        }
        Ok(figures)
    }

    /// From the first byte of an order on one gateway to its first event on a stream of another one.
    fn across(&self) -> anyhow::Result<Vec<Figure>> {
        let other = self.process("gateway")?;
        *self.market.api.borrow_mut() = Api::sign_in(&self.market.velox)?;
        let token = self.market.api.borrow().token.clone();
        let account = &self.market.accounts[0];
        let wish = format!(r#"{{"op":"subscribe","channel":"orders","account":"{account}"}}"#);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut millis = runtime.block_on(async {
            let mut listener = Listener::open(other.server.address, &token, &wish).await?;
            let mut sender = streams::Sender::open(self.market.velox.server.address).await?;
            let mut millis = Vec::with_capacity(ORDERS);
            for number in 0..ORDERS {
                let name = format!("across-{}-{number}", std::process::id());
                let order = resting_order(&token, account, &name);
                let began = Instant::now();
                let (sent, heard) = tokio::join!(sender.place(&order), listener.until(&name));
                sent?;
                millis.push((heard? - began).as_secs_f64() * 1e3);
            }
            anyhow::Ok(millis)
        })?;
        millis.sort_by(f64::total_cmp);
        let at = |share: usize| millis[(ORDERS * share / 100).min(ORDERS - 1)];
        Ok(vec![
            Figure::new("an order on one gateway until it is on a stream of another: p50", at(50), "ms"),
            Figure::new("    p99", at(99), "ms"),
            Figure::new("    orders", float(u64::try_from(ORDERS)?), ""),
        ])
    }
}

fn set(setting: &str) -> [&str; 2] {
    ["--set", setting]
}

fn wait(began: Instant) -> anyhow::Result<()> {
    ensure!(!process::interrupted(), "interrupted");
    ensure!(began.elapsed() < PATIENCE, "the relay takes too long");
    std::thread::park_timeout(Duration::from_millis(50));
    Ok(())
}
