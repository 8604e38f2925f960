//! A real Kafka and a Schema Registry, without containers: for one command, for tests that kill a broker of their own,
//! and for the stack.

pub(crate) mod broker;
mod cluster;
mod install;
mod layout;
mod programs;
mod protocol;
pub(crate) mod registry;
mod server;

pub(crate) use cluster::{Cluster, Wish};
pub(crate) use install::Installation;
pub(crate) use layout::{Layout, Ports};
pub(crate) use protocol::is_usable;

use crate::{process, workspace};
use anyhow::{Context, bail};
use layout::Name;
use programs::Programs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// The variable with the brokers' addresses, separated by commas.
pub(crate) const BROKERS: &str = "VELOX_TEST_KAFKA_BROKERS";

/// The variable with the address of the Schema Registry: what Confluent's paths (`/subjects`, `/config`) follow.
pub(crate) const REGISTRY: &str = "VELOX_TEST_SCHEMA_REGISTRY_URL";

/// What `kafka` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many brokers; each is a controller too, and 3 lose nothing when one is killed
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=5))]
    nodes: Option<u16>,
    /// A Schema Registry as well, where schemas must be FULL_TRANSITIVE
    #[arg(long)]
    registry: bool,
    /// Keep the data in this folder, made when it is not there, and its ports with them
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The port of 127.0.0.1 of the first broker, when the folder is made; a free one is taken otherwise
    #[arg(long, requires = "data")]
    port: Option<u16>,
    /// A setting of each broker, such as message.max.bytes=1000
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Become one server of such a folder: broker-1, broker-2, …, registry; for tests that kill it
    #[arg(long = "become", value_name = "SERVER", requires = "data", conflicts_with_all = ["command", "registry"])]
    server: Option<Name>,
    /// The command to run; without one, the servers run until ctrl-c, each may be killed, and their processes are named
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Starts brokers, prints their addresses or runs a command with them, stops them, and answers with the command's exit
/// code.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    process::catch_interrupts()?;
    let wish = Wish {
        nodes: args.nodes,
        registry: args.registry,
        data: args.data.clone(),
        port: args.port,
        settings: args.set.clone(),
    };
    if let (Some(name), Some(folder)) = (args.server, &args.data) {
        return become_server(name, folder, &wish);
    }
    let mut cluster = Cluster::begin(&wish)?;
    cluster.wait()?;
    if !args.command.is_empty() {
        return process::run_with(&cluster.variables(), &args.command);
    }
    for line in cluster.processes() {
        println!("{line}");
    }
    for (name, value) in cluster.variables() {
        println!("{name}={value}");
    }
    process::until(Duration::MAX, || Ok(cluster.tell_who_ended()))?;
    Ok(if process::interrupted() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Our process becomes one of them.
fn become_server(name: Name, folder: &Path, wish: &Wish) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let folder = folder.canonicalize()?;
    let layout = Layout::of(&folder, wish.nodes, wish.port)?;
    let programs = Programs::prepare(name != Name::Registry, name == Name::Registry)?;
    let mut command = programs.command(name, &folder, &layout, &wish.settings, true)?;
    server::write_pid(&folder, name, std::process::id())?;
    if process::interrupted() {
        bail!("interrupted");
    }
    Err(command.exec().into())
}

/// Fetches everything that runs them, unless it is here; the error names the command that installs what is missing.
pub(crate) fn prepare() -> anyhow::Result<()> {
    Programs::prepare(true, true).map(drop)
}

/// Where servers log, and where those keep their data that are thrown away.
fn scratch() -> PathBuf {
    workspace::scratch().join("kafka")
}
