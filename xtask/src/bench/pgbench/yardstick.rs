//! The database that `pgbench` writes to, and its runs there: velox would serve the orders it finds in its own.

use super::super::Settings;
use super::super::load::float;
use super::super::server::cpu_time_of_family;
use super::super::sql::{at_database, psql};
use super::super::velox::{self, Program};
use super::ACCOUNTS;
use super::script::{self, EPOCH, ROLE};
use super::statements::Statements;
use crate::postgres::{Cluster, Installation};
use crate::workspace;
use anyhow::{Context, ensure};
use std::cell::Cell;
use std::path::PathBuf;
use std::process::Stdio;

const DATABASE: &str = "yardstick";
/// How long `pgbench` runs at the least.
const LEAST_SECONDS: u32 = 10;
/// As the sessions of Velox are set (`crates/postgres`, pool). Each connection plans the statements once; velox's were
/// planned long ago. Time makes that small.
const SESSION: &str = "-c plan_cache_mode=force_generic_plan -c jit=off -c enable_seqscan=off \
                       -c enable_bitmapscan=off";

/// A database with Velox's schema and the rights that the script's steps name.
pub(super) struct Yardstick {
    script: PathBuf,
    /// Each run has accounts of its own.
    rounds: Cell<u32>,
}

/// What one run gave.
pub(super) struct Run {
    /// Orders a second, three commits each.
    pub(super) per_second: f64,
    /// The database's CPU of an order.
    pub(super) database_cpu_us: f64,
}

impl Yardstick {
    /// Makes the database, beside that of a Velox that has placed orders.
    pub(super) fn make(cluster: &Cluster, statements: &Statements) -> anyhow::Result<Yardstick> {
        psql(cluster, "postgres", &format!("CREATE DATABASE {DATABASE}"))?;
        let url = format!("database.url={}", at_database(&cluster.url(), DATABASE));
        // Its schema, with nobody at work in it.
        velox::start(Program::Velox, "yardstick", &["--set", &url, "--set", "market.feed=none"])?;

        let shards = format!("SELECT count(*) FROM role_shards WHERE role = '{ROLE}' AND owner IS NOT NULL");
        let shards: u32 = psql(cluster, "postgres", &shards)?.trim().parse()?;
        ensure!(shards > 0, "velox has no shard of {ROLE}: its claims cannot be fenced");
        let rights = format!(
            "INSERT INTO role_shards (role, shard, epoch, beat) \
             SELECT '{ROLE}', n, {EPOCH}, 0 FROM generate_series(0, {shards} - 1) n \
             ON CONFLICT (role, shard) DO UPDATE SET epoch = excluded.epoch"
        );
        psql(cluster, DATABASE, &rights)?;

        let script = workspace::target().join("bench/order.pgbench");
        std::fs::write(&script, script::of_one_order(cluster, statements, shards)?)?;
        Ok(Yardstick { script, rounds: Cell::new(0) })
    }

    /// Runs `pgbench` once. It fails when not everything was written that `pgbench` counts.
    pub(super) fn run(&self, settings: &Settings, cluster: &Cluster, connections: u32) -> anyhow::Result<Run> {
        let round = self.rounds.get() + 1;
        self.rounds.set(round);
        let heads = format!(
            "INSERT INTO stream_heads (account_id, org_id, seq, hash) \
             SELECT (lpad(to_hex({round}::bigint), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n::bigint), 12, '0'))::uuid, \
             '00000000-0000-7000-8000-000000000000', 1, decode(repeat('00', 32), 'hex') \
             FROM generate_series(0, {ACCOUNTS} + 128) n"
        );
        psql(cluster, DATABASE, &heads)?;
        let before = cpu_time_of_family(cluster.pid())?;
        let mut command = Installation::find()?.command("pgbench");
        command.args(["-n", "-M", "prepared", "-j", "1", "-f"]).arg(&self.script).env("PGOPTIONS", SESSION);
        command.args(["-c", &connections.to_string(), "-T", &settings.seconds.max(LEAST_SECONDS).to_string()]);
        let each = ACCOUNTS / connections;
        command.args(["-D", &format!("round={round}"), "-D", "n=-1", "-D", &format!("each={each}")]);
        let output = command.arg(at_database(&cluster.url(), DATABASE)).stdin(Stdio::null()).output()?;
        let cpu = cpu_time_of_family(cluster.pid())?.saturating_sub(before);
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "pgbench: {text}{}", String::from_utf8_lossy(&output.stderr));
        let orders: u64 = number(&text, "number of transactions actually processed:")?.parse()?;
        let written = Written::in_round(cluster, round)?;
        ensure!(
            written.is_of(orders, connections),
            "pgbench counts {orders} orders, but the yardstick's database has {written:?} of them: it did not do what \
             velox does, see {}",
            self.script.display()
        );
        Ok(Run {
            per_second: number(&text, "tps =")?.parse()?,
            database_cpu_us: cpu.as_secs_f64() * 1e6 / float(orders.max(1)),
        })
    }
}

/// The word behind a name in what `pgbench` prints.
fn number<'a>(text: &'a str, name: &str) -> anyhow::Result<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name} in {text}"))?;
    Ok(line.split_whitespace().next().unwrap_or_default())
}

/// What a run has left in the database.
#[derive(Debug)]
struct Written {
    events: u64,
    /// By how much the heads of the accounts have moved.
    moved: u64,
    /// Orders of which the last step was written.
    acknowledged: u64,
}

impl Written {
    fn in_round(cluster: &Cluster, round: u32) -> anyhow::Result<Written> {
        let accounts = format!(
            "account_id BETWEEN '{round:08x}-0000-7000-8000-000000000000' AND '{round:08x}-0000-7000-8000-ffffffffffff'"
        );
        let count = |query: String| -> anyhow::Result<u64> { Ok(psql(cluster, DATABASE, &query)?.trim().parse()?) };
        Ok(Written {
            events: count(format!("SELECT count(*) FROM events WHERE {accounts}"))?,
            moved: count(format!("SELECT sum(seq - 1) FROM stream_heads WHERE {accounts}"))?,
            acknowledged: count(format!("SELECT count(*) FROM orders WHERE status = 'new' AND {accounts}"))?,
        })
    }

    /// Whether it is what so many orders write, three events each. Each connection may have been stopped in the midst of a
    /// further one.
    fn is_of(&self, orders: u64, connections: u32) -> bool {
        let most = orders + u64::from(connections);
        (3 * orders..=3 * most).contains(&self.events)
            && self.moved == self.events
            && (orders..=most).contains(&self.acknowledged)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_run_that_wrote_less_than_it_counts_is_found_out() {
        let written = |events, moved, acknowledged| Written { events, moved, acknowledged };
        assert!(written(300, 300, 100).is_of(100, 32));
        assert!(written(341, 341, 110).is_of(100, 32), "orders that were under way at the end");
        assert!(!written(0, 0, 0).is_of(100, 32), "every append was refused");
        assert!(!written(100, 100, 0).is_of(100, 32), "the fenced steps were refused");
        assert!(!written(300, 200, 100).is_of(100, 32), "the heads stayed behind");
        assert!(!written(900, 900, 300).is_of(100, 32), "somebody else wrote");
        assert!(written(0, 0, 0).is_of(0, 1));
    }

    #[test]
    fn numbers_are_read_off_what_pgbench_prints() {
        let text = "number of clients: 32\nnumber of transactions actually processed: 17915\n\
                    tps = 1790.512 (without initial connection time)\n";
        assert_eq!(number(text, "number of transactions actually processed:").unwrap(), "17915");
        assert_eq!(number(text, "tps =").unwrap(), "1790.512");
        assert!(number(text, "latency average =").is_err());
    }
}
