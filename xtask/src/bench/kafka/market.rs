//! Market data from a topic to a WebSocket client, at ten ticks a second a symbol.

use super::super::Settings;
use super::super::api::Api;
use super::super::load::float;
use super::super::orders::Market;
use super::super::report::Figure;
use super::super::server::{build_release, cpu_time};
use super::super::sql::psql;
use super::super::velox::Program;
use super::set;
use crate::kafka::{BROKERS, REGISTRY};
use crate::postgres::{Cluster, Durability};
use anyhow::{Context, ensure};
use std::process::Command;

const SYMBOLS: [u32; 3] = [1, 100, 1_000];
const PREFIX: &str = "bench-market";
/// Instruments like the bundled one, by another name.
const INSTRUMENTS: &str = "INSERT INTO instruments SELECT 'S' || lpad(n::text, 4, '0'), 'Symbol ' || n, \
    's' || lpad(n::text, 4, '0') || ' symbol ' || n, asset_class, base, quote, tick, lot, min_quantity, min_notional, \
    volume_unit, session, status FROM instruments, generate_series(0, 999) n WHERE symbol = 'BTC-PERP'";

pub(super) fn run(settings: &Settings, brokers: &str, registry: &str) -> anyhow::Result<Vec<Figure>> {
    let program = build_release(&["--package", "velox", "--example", "market_load"])?.join("examples/market_load");
    let market = Market::open(Program::Velox, "market", 1, Some(Cluster::start(Durability::Synced)?))?;
    psql(market.database.as_ref().context("no database")?, "postgres", INSTRUMENTS)?;
    let topics = [
        format!("kafka.brokers={brokers}"),
        format!("kafka.registry_url={registry}"),
        format!("kafka.topic_prefix={PREFIX}"),
        "market.feed=topic".to_owned(),
    ];
    let args: Vec<&str> = topics.iter().map(String::as_str).flat_map(set).collect();
    let market = market.restart("market-topic", &args)?;
    let pid = market.velox.server.pid();
    let mut figures = Vec::new();
    for symbols in SYMBOLS {
        let api = Api::sign_in(&market.velox)?;
        let address = market.velox.server.address.to_string();
        let seconds = settings.measure().as_secs().max(2).to_string();
        let before = cpu_time(pid)?;
        let output = Command::new(&program)
            .args([PREFIX, &address, &api.token, &symbols.to_string(), &seconds])
            .env(BROKERS, brokers)
            .env(REGISTRY, registry)
            .output()
            .context("cannot send ticks")?;
        let cpu = cpu_time(pid)?.saturating_sub(before);
        ensure!(output.status.success(), "market_load: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout)?;
        let numbers: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [sent, heard, p50, p99] = numbers[..] else { anyhow::bail!("not four numbers: {text}") };
        ensure!(heard > 0.0, "no tick was heard");
        figures.push(Figure::new(
            format!("{symbols} symbols: a tick from the topic's writer to a socket, p50"),
            p50,
            "ms",
        ));
        figures.push(Figure::new("    p99", p99, "ms"));
        figures.push(Figure::new("    heard by sent", heard / sent, "x"));
        figures.push(Figure::new("    server CPU a tick", cpu.as_secs_f64() * 1e6 / sent, "us"));
        figures.push(Figure::new("    ticks", sent / float(settings.measure().as_secs().max(2)), "1/s"));
    }
    Ok(figures)
}
