//! `pgbench` as the yardstick of a durable write: the statements that Velox issues for one resting order, replayed one
//! order at a time on the same server, with fsync on.
//!
//! The statements are read off PostgreSQL itself (`pg_stat_activity`, and the rows that Velox wrote), so they are
//! those of this very build. What differs: ids are made by expressions of the statement, because `pgbench` knows no
//! uuids, and every order pays for its own commits while Velox's orders share theirs.

use super::Settings;
use super::load::float;
use super::orders::{Market, Spread, Taken, median};
use super::ratio::interleaved;
use super::report::Figure;
use super::server::cpu_time_of_family;
use super::sql::{at_database, psql};
use super::velox::{self, Program};
use crate::postgres::{Cluster, Durability, Installation};
use crate::workspace;
use anyhow::{Context, ensure};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::path::Path;
use std::process::Stdio;

const ACCOUNTS: u32 = 1_000;
/// The number of connections at which it is measured without shared commits, too.
const ALONE: u32 = 32;
/// How long `pgbench` runs at the least.
const LEAST_SECONDS: u32 = 10;
/// The database that `pgbench` writes to: velox would serve the orders it finds in its own.
const YARDSTICK: &str = "yardstick";
/// What becomes of a resting order, and what its row says then: each is a commit of its own.
const STEPS: [(&str, &str); 3] =
    [("order_accepted", "pending_new"), ("order_routed", "routed"), ("order_acknowledged", "new")];

/// Orders a second of Velox on PostgreSQL against `pgbench` on the same connections, and both sides' CPU.
pub(super) fn run(settings: &Settings) -> anyhow::Result<Vec<Figure>> {
    let cluster = Cluster::start(Durability::Synced)?;
    psql(&cluster, "postgres", &format!("CREATE DATABASE {YARDSTICK}"))?;
    let url = format!("database.url={}", at_database(&cluster.url(), YARDSTICK));
    // Its schema, with nobody at work in it.
    velox::start(Program::Velox, "yardstick", &["--set", &url, "--set", "market.feed=none"])?;
    let market = Market::open(Program::Velox, "pgbench", usize::try_from(ACCOUNTS)?, Some(cluster))?;
    let script = workspace::target().join("bench/order.pgbench");
    {
        let cluster = market.database.as_ref().context("no database")?;
        market.measure(settings, Spread::Wide, 1)?;
        std::fs::write(&script, replay(cluster)?)?;
    }
    let round = RefCell::new(0);
    let mut figures = Vec::new();
    for &connections in &settings.connections {
        let what = format!("{connections} connections, 1,000 accounts");
        figures.extend(compare(settings, &market, &script, &round, connections, &what)?);
    }
    if let Some(&connections) = settings.connections.iter().find(|connections| **connections == ALONE) {
        // As many sessions as `pgbench` has, each commit one account's alone.
        let sessions = format!("database.pool_size={}", 2 * connections);
        let market = market.restart("pgbench-alone", &["--set", "trading.max_batch=1", "--set", &sessions])?;
        let what = format!("{connections} connections, 1,000 accounts, no shared commits");
        figures.extend(compare(settings, &market, &script, &round, connections, &what)?);
    }
    Ok(figures)
}

/// Interleaved rounds of Velox and `pgbench` on the same connections.
fn compare(
    settings: &Settings,
    market: &Market,
    script: &Path,
    round: &RefCell<u32>,
    connections: u32,
    what: &str,
) -> anyhow::Result<Vec<Figure>> {
    let cluster = market.database.as_ref().context("no database")?;
    let mut figures = Vec::new();
    {
        let (velox, yardstick) = (RefCell::new(Vec::<Taken>::new()), RefCell::new(Vec::new()));
        let ratio = interleaved(
            settings.rounds,
            || {
                let taken = market.measure(settings, Spread::Wide, connections)?;
                let per_second = taken.per_second;
                velox.borrow_mut().push(taken);
                Ok(per_second)
            },
            || {
                *round.borrow_mut() += 1;
                let (per_second, cpu) = pgbench(settings, cluster, script, *round.borrow(), connections)?;
                yardstick.borrow_mut().push((per_second, cpu));
                Ok(per_second)
            },
        )?;
        figures.push(ratio.figure(&format!("postgres, {what}: orders/s against pgbench"))?);
        let (velox, yardstick) = (velox.into_inner(), yardstick.into_inner());
        let mut figure = |name: &str, unit, values: Vec<f64>| {
            figures.push(Figure::new(format!("    {name}"), median(values), unit));
        };
        figure("velox: orders", "1/s", velox.iter().map(|taken| taken.per_second).collect());
        figure("velox: server CPU an order", "us", velox.iter().map(|taken| taken.cpu_us).collect());
        figure("velox: PostgreSQL's CPU an order", "us", velox.iter().map(|taken| taken.database_cpu_us).collect());
        figure("velox: p99", "ms", velox.iter().map(|taken| taken.p99_ms).collect());
        figure("velox: commits an order", "", velox.iter().map(|taken| taken.commits_an_order).collect());
        figure("velox: events a commit", "", velox.iter().map(|taken| taken.events_a_commit).collect());
        figure("pgbench: orders (three commits each)", "1/s", yardstick.iter().map(|run| run.0).collect());
        figure("pgbench: PostgreSQL's CPU an order", "us", yardstick.iter().map(|run| run.1).collect());
    }
    Ok(figures)
}

/// Runs `pgbench` once on accounts of its own; answers orders a second and the database's CPU of each in microseconds.
fn pgbench(
    settings: &Settings,
    cluster: &Cluster,
    script: &Path,
    round: u32,
    connections: u32,
) -> anyhow::Result<(f64, f64)> {
    let heads = format!(
        "INSERT INTO stream_heads (account_id, org_id, seq, hash) \
         SELECT (lpad(to_hex({round}::bigint), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n::bigint), 12, '0'))::uuid, \
         '00000000-0000-7000-8000-000000000000', 1, decode(repeat('00', 32), 'hex') \
         FROM generate_series(0, {ACCOUNTS} + 128) n"
    );
    psql(cluster, YARDSTICK, &heads)?;
    let before = cpu_time_of_family(cluster.pid())?;
    let mut command = Installation::find()?.command("pgbench");
    command.args(["-n", "-M", "prepared", "-j", "1", "-f"]).arg(script);
    // Each connection plans the statements once; velox's were planned long ago. Time makes that small.
    command.env("PGOPTIONS", "-c plan_cache_mode=force_generic_plan");
    command.args(["-c", &connections.to_string(), "-T", &settings.seconds.max(LEAST_SECONDS).to_string()]);
    command.args(["-D", &format!("round={round}"), "-D", "n=-1", "-D", &format!("each={}", ACCOUNTS / connections)]);
    let output = command.arg(at_database(&cluster.url(), YARDSTICK)).stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "pgbench: {text}{}", String::from_utf8_lossy(&output.stderr));
    let number = |name: &str| {
        let line =
            text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name} in {text}"));
        line.and_then(|line| Ok(line.split_whitespace().next().unwrap_or_default().parse::<f64>()?))
    };
    let cpu = cpu_time_of_family(cluster.pid())?.saturating_sub(before);
    let orders = number("number of transactions actually processed:")?;
    Ok((number("tps =")?, cpu.as_secs_f64() * 1e6 / orders.max(float(1))))
}

/// The script of one order: each client has accounts of its own and goes around them, so that no two meet.
fn replay(cluster: &Cluster) -> anyhow::Result<String> {
    let statement = psql(
        cluster,
        "postgres",
        "SELECT regexp_replace(query, E'\\\\s+', ' ', 'g') FROM pg_stat_activity WHERE query LIKE 'WITH input%' LIMIT 1",
    )?;
    let mut script = "\\set n :n + 1\n\\set a :client_id * :each + :n % :each\n\\set s 1 + 3 * (:n / :each)\n\
                      \\set o :round * 1000000 + :n\n"
        .to_owned();
    for (number, (kind, status)) in STEPS.into_iter().enumerate() {
        let rows = |table: &str, condition: &str| -> anyhow::Result<Map<String, Value>> {
            let query = format!(
                "SELECT json_object_agg(key, quote_nullable(value)) FROM \
                 (SELECT * FROM {table} WHERE {condition} LIMIT 1) r, json_each_text(row_to_json(r))"
            );
            Ok(serde_json::from_str(&psql(cluster, "postgres", &query)?)?)
        };
        let event = rows("events", &format!("kind = '{kind}'"))?;
        let mut order = rows("orders", "status = 'new'")?;
        order.insert("status".to_owned(), format!("'{status}'").into());
        if status != "new" {
            order.insert("broker_order_id".to_owned(), "NULL".into());
        }
        script.push_str(&fill_in(statement.trim(), &event, &order, number)?);
        script.push_str(";\n");
    }
    Ok(script)
}

/// The statement with arrays of one element for its parameters. They stand in groups, `unnest($1::uuid[], …) AS t (…)`.
fn fill_in(
    statement: &str,
    event: &Map<String, Value>,
    order: &Map<String, Value>,
    step: usize,
) -> anyhow::Result<String> {
    let (mut text, mut rest) = (String::new(), statement);
    while let Some((before, group)) = rest.split_once("unnest(") {
        let (arguments, after) = group.split_once(") AS ").context("no alias")?;
        let (alias, after) = after.split_once('(').context("no columns")?;
        let (columns, after) = after.split_once(')').context("no end of columns")?;
        let of_events = columns.contains("payload");
        let row = if of_events { event } else { order };
        let mut arrays = Vec::new();
        for (argument, column) in arguments.split(',').zip(columns.split(',').map(str::trim)) {
            let kind = argument.split_once("::").context("no type")?.1.trim().trim_end_matches("[]");
            arrays.push(if alias.trim() == "o" && step > 0 {
                // Names are looked for when an order begins.
                format!("'{{}}'::{kind}[]")
            } else {
                format!("ARRAY[{}::{kind}]", value(column, kind, row, step))
            });
        }
        text += &format!("{before}unnest({}) AS {alias}({columns})", arrays.join(", "));
        rest = after;
    }
    ensure!(!rest.contains('$'), "a parameter outside of unnest: {rest}");
    Ok(text + rest)
}

/// What stands for a column: ids, names and numbers of this order's own, everything else as Velox wrote it.
fn value(column: &str, kind: &str, row: &Map<String, Value>, step: usize) -> String {
    let uuid = |first: &str, last: &str| {
        format!(
            "(lpad(to_hex({first}::bigint), 8, '0') || '-0000-7000-8000-' || lpad(to_hex({last}::bigint), 12, '0'))"
        )
    };
    match column {
        "account_id" => uuid(":round", ":a"),
        "org_id" => "'00000000-0000-7000-8000-000000000000'".to_owned(),
        "id" => uuid(":o", ":client_id"),
        "client_order_id" | "name" => "(:o::text || '-' || :client_id::text)".to_owned(),
        "expected_seq" => format!("(:s::bigint + {step})"),
        "seq" | "last_seq" => format!("(:s::bigint + {step} + 1)"),
        "first_seq" => "(:s::bigint + 1)".to_owned(),
        "hash" | "prev_hash" => "decode(repeat('5a', 32), 'hex')".to_owned(),
        _ => match row.get(column).and_then(Value::as_str) {
            // pgbench takes a colon for the start of a variable.
            Some(text) if kind == "timestamptz" && text != "NULL" => "now()".to_owned(),
            Some(text) => text.to_owned(),
            None => "NULL".to_owned(),
        },
    }
}
