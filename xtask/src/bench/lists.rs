//! Pages out of big tables of PostgreSQL: a page of orders must not get slower with the number of orders, and one of
//! candles not with how far back it lies.

use super::Settings;
use super::api::request;
use super::load;
use super::orders::{Market, median};
use super::report::Figure;
use super::sql::psql;
use super::velox::Program;
use crate::postgres::{Cluster, Durability};
use crate::process;
use anyhow::{Context, ensure};
use serde_json::json;

const CONNECTIONS: u32 = 32;
/// Orders of the one account whose list is read, before and after.
const FEW: u64 = 10_000;
const MANY: u64 = 10_000_000;
/// Minutes of candles: about two years.
const CANDLES: u64 = 1_000_000;
/// Rows of one statement that fills a table.
const AT_ONCE: u64 = 500_000;
/// Places among the candles that are asked for.
const PLACES: u64 = 1_000;

/// Server CPU, the database's CPU and latency of each page.
pub(super) fn run(settings: &Settings) -> anyhow::Result<Vec<Figure>> {
    let market = Market::open(Program::Velox, "lists", 1, Some(Cluster::start(Durability::Synced)?))?;
    let cluster = market.database.as_ref().context("no database")?;
    let account = &market.accounts[0];
    let model = json!({"account_id": account, "symbol": "BTC-PERP", "side": "buy", "type": "limit",
        "quantity": "0.001", "limit_price": "1000", "client_order_id": "model"});
    market.api.borrow().call("POST", "/v1/orders", Some(&model))?;

    let columns = psql(
        cluster,
        "postgres",
        "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns \
         WHERE table_name = 'orders' AND table_schema = current_schema()",
    )?;
    let mut figures = Vec::new();
    let (mut known, mut cpu) = (0, Vec::new());
    for count in [FEW, MANY] {
        while known < count {
            let next = (known + AT_ONCE).min(count);
            psql(cluster, "postgres", &orders(columns.trim(), known, next))?;
            known = next;
        }
        psql(cluster, "postgres", "VACUUM (ANALYZE) orders")?;
        let path = format!("/v1/orders?account_id={account}&limit=50");
        let taken = page(settings, &market, &format!("50 of {count} orders"), vec![path])?;
        cpu.push(taken.1);
        figures.extend(taken.0);
    }
    figures.push(Figure::new(format!("server and database CPU, {MANY} orders against {FEW}"), cpu[1] / cpu[0], "x"));

    let symbol =
        psql(cluster, "postgres", "SELECT symbol FROM instruments WHERE symbol <> 'BTC-PERP' ORDER BY 1 LIMIT 1")?;
    let symbol = symbol.trim();
    // The store makes room for the years: native partitions are made on demand.
    for year in ["2020", "2021"] {
        let candle = json!({"open_time": format!("{year}-06-01T00:00:00Z"),
            "open": "100", "high": "110", "low": "90", "close": "105", "volume": "3"});
        let body = json!({"timeframe": "1m", "candles": [candle]});
        market.api.borrow().call("POST", &format!("/v1/market-data/candles/{symbol}"), Some(&body))?;
    }
    for from in (0..CANDLES / AT_ONCE).map(|part| part * AT_ONCE) {
        psql(cluster, "postgres", &candles(symbol, from, from + AT_ONCE))?;
    }
    psql(cluster, "postgres", "VACUUM (ANALYZE) candles")?;
    let newest = format!("/v1/market-data/candles/{symbol}?timeframe=1m&limit=500");
    figures.extend(page(settings, &market, &format!("the newest 500 of {CANDLES} candles"), vec![newest.clone()])?.0);
    let places = psql(
        cluster,
        "postgres",
        // A step without a common divisor goes all over the place.
        &format!(
            "SELECT to_char(timestamptz '2020-01-01Z' AT TIME ZONE 'UTC' + n * 7919 % {CANDLES} * interval '1 minute', \
             'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM generate_series(1, {PLACES}) n"
        ),
    )?;
    let anywhere = places.lines().map(|to| format!("{newest}&to={to}")).collect();
    figures.extend(page(settings, &market, &format!("500 of {CANDLES} candles, anywhere"), anywhere)?.0);
    Ok(figures)
}

/// Measures the pages, one after the other; also answers both sides' CPU of one page, in microseconds.
fn page(settings: &Settings, market: &Market, name: &str, paths: Vec<String>) -> anyhow::Result<(Vec<Figure>, f64)> {
    let load = market.load(settings, CONNECTIONS);
    let mut runs = Vec::new();
    for _ in 0..settings.rounds.max(1) {
        ensure!(!process::interrupted(), "interrupted");
        let api = super::api::Api::sign_in(&market.velox)?;
        let requests: Vec<Vec<u8>> = paths.iter().map(|path| request("GET", path, &api.token, "")).collect();
        let taken = load::run(&load, move |connection, number, out| {
            let place = usize::try_from(number + u64::from(connection) * 31).unwrap_or(0) % requests.len();
            out.extend_from_slice(&requests[place]);
        })?;
        ensure!(taken.refused == 0, "refused: {:?}", taken.first_refusal);
        runs.push(taken);
    }
    let of = |figure: fn(&load::Measured) -> f64| median(runs.iter().map(figure).collect());
    let (cpu, database_cpu) = (of(load::Measured::cpu_micros), of(load::Measured::database_cpu_micros));
    let detail = runs.iter().map(load::Measured::json).collect();
    let figures = vec![
        Figure::new(format!("{name}: server CPU"), cpu, "us").detail(detail),
        Figure::new("    PostgreSQL's CPU", database_cpu, "us"),
        Figure::new("    p99", of(|run| run.millis(0.99)), "ms"),
    ];
    Ok((figures, cpu + database_cpu))
}

/// Closed orders like the model, by number.
fn orders(columns: &str, from: u64, to: u64) -> String {
    let value = |column: &str| match column {
        "id" => "(lpad(to_hex(n), 12, '0') || '00007000800000000000')::uuid".to_owned(),
        "client_order_id" => "'filler-' || n".to_owned(),
        "status" => "'canceled'".to_owned(),
        "is_open" => "false".to_owned(),
        other => format!("o.{other}"),
    };
    let values: Vec<String> = columns.split(',').map(value).collect();
    format!(
        "INSERT INTO orders ({columns}) SELECT {} FROM orders o, generate_series({from} + 1, {to}) n \
         WHERE o.client_order_id = 'model'",
        values.join(", ")
    )
}

fn candles(symbol: &str, from: u64, to: u64) -> String {
    format!(
        "INSERT INTO candles SELECT '{symbol}', '1m', timestamptz '2020-01-01Z' + n * interval '1 minute', \
         100, 110, 90, 105, 3, 7, true, false, false FROM generate_series({from}, {to} - 1) n ON CONFLICT DO NOTHING"
    )
}
