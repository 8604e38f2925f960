//! `cargo xtask bench`: figures, saved with the machine and the commit they were taken on.
//!
//! # Adding a bench
//!
//! One file each, `xtask/src/bench/<name>.rs`, with a function `run(&Settings) -> anyhow::Result<Vec<Figure>>`, and one
//! line in [`BENCHES`]. The pieces: [`server`] starts velox (or another program) and reads its CPU time and memory,
//! [`load`] sends requests over kept connections and measures, [`ratio`] compares two things in interleaved rounds,
//! [`disk`] says what the disk can do, [`report`] holds what a figure is. A figure that compares is a ratio taken within
//! one run; an absolute one means little on another machine.

#![expect(clippy::float_arithmetic, reason = "figures are read by people; money is nowhere near")]

mod api;
mod candles;
mod disk;
mod fdatasync;
mod gateways;
mod kafka;
mod lists;
mod livez;
mod load;
mod machine;
mod orders;
mod pgbench;
mod pin;
mod ratio;
mod reads;
mod report;
mod server;
mod sql;
mod start;
mod streams;
mod velox;

use crate::{process, workspace};
use anyhow::ensure;
use report::{Figure, Report};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// One bench.
struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn(&Settings) -> anyhow::Result<Vec<Figure>>,
}

/// Every bench, in the order they run.
const BENCHES: [Bench; 11] = [
    Bench {
        name: "fdatasync",
        about: "an 8 KiB write and fdatasync on the disk of the target directory",
        run: fdatasync::run,
    },
    Bench { name: "livez", about: "GET /livez against a bare actix handler, by server CPU second", run: livez::run },
    Bench {
        name: "orders",
        about: "accepted resting orders on both stores, against the in-memory store, by connections and accounts",
        run: orders::run,
    },
    Bench {
        name: "pgbench",
        about: "accepted resting orders on PostgreSQL, against pgbench with the same statements",
        run: pgbench::run,
    },
    Bench {
        name: "lists",
        about: "pages of orders out of 10 thousand and 10 million, of candles out of a million, on PostgreSQL",
        run: lists::run,
    },
    Bench {
        name: "gateways",
        about: "accepted resting orders on two gateways against one, on one PostgreSQL",
        run: gateways::run,
    },
    Bench {
        name: "kafka",
        about: "a gateway's CPU for an order with Kafka up and away, an order's way to another gateway, the market's to a socket, rates",
        run: kafka::run,
    },
    Bench {
        name: "candles",
        about: "candles into PostgreSQL, against plain COPY into the same table",
        run: candles::run,
    },
    Bench {
        name: "reads",
        about: "users/me, a list of orders and candles on both stores, by server CPU second",
        run: reads::run,
    },
    Bench { name: "streams", about: "deliveries to 1,000 WebSocket clients, by server CPU second", run: streams::run },
    Bench {
        name: "start",
        about: "start to the first 200, empty and with 100,000 events; idle memory",
        run: start::run,
    },
];

/// The benches of `--stack`.
const STACK: [&str; 5] = ["pgbench", "lists", "candles", "gateways", "reads"];

/// What `bench` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The benches to run; all of them when none is named
    names: Vec<String>,
    /// Those of PostgreSQL and of several gateways
    #[arg(long, conflicts_with = "names")]
    stack: bool,
    /// That of Kafka
    #[arg(long, conflicts_with_all = ["names", "stack"])]
    kafka: bool,
    /// List the benches and run none
    #[arg(long)]
    list: bool,
    /// Measure the programs in this folder, laid out like target/release, as they are: nothing is built
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

/// How long and how often to measure.
#[derive(clap::Args)]
struct Settings {
    /// Rounds of each comparison
    #[arg(long, default_value_t = 6)]
    rounds: u32,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Stores that `orders` and `reads` measure
    #[arg(long, value_delimiter = ',', default_values = ["sqlite", "postgres"])]
    stores: Vec<String>,
    /// Numbers of connections that `orders` and `pgbench` measure
    #[arg(long, value_delimiter = ',', default_values_t = [1, 32, 128])]
    connections: Vec<u32>,
}

impl Settings {
    /// How long each measurement takes.
    fn measure(&self) -> Duration {
        Duration::from_secs(self.seconds.max(1).into())
    }

    /// How long the load runs before it is measured: caches fill, connections open.
    fn warm_up(&self) -> Duration {
        self.measure() / 5
    }
}

/// Runs the benches, prints their figures as tables and saves them as JSON under target/bench.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.list {
        for bench in &BENCHES {
            println!("{:12} {}", bench.name, bench.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    for name in &args.names {
        ensure!(BENCHES.iter().any(|bench| bench.name == name), "no bench is called {name}, see --list");
    }
    if cfg!(debug_assertions) {
        // The load generator must not be the slow part.
        let mut cargo = workspace::cargo();
        cargo.args(["run", "--quiet", "--release", "--package", "xtask", "--"]);
        return Err(cargo.args(std::env::args_os().skip(1)).exec().into());
    }
    process::catch_interrupts()?;
    if let Some(folder) = &args.programs {
        server::use_programs(std::path::absolute(folder)?);
    }
    let named = |bench: &Bench| args.names.is_empty() || args.names.iter().any(|name| name == bench.name);
    let wanted = |bench: &&Bench| match (args.stack, args.kafka) {
        (true, _) => STACK.contains(&bench.name),
        (_, true) => bench.name == "kafka",
        _ => named(bench),
    };
    for bench in BENCHES.iter().filter(wanted) {
        println!("{}: {}", bench.name, bench.about);
        let figures = (bench.run)(&args.settings)?;
        ensure!(!process::interrupted(), "interrupted");
        let report = Report::new(bench.name, figures)?;
        report.print();
        println!("saved as {}\n", report.save()?.display());
    }
    Ok(ExitCode::SUCCESS)
}
