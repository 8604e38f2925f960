//! A real PostgreSQL for tests: found on this machine, started on a free port, thrown away.

mod certificates;
mod cluster;
mod install;

pub(crate) use cluster::{Cluster, Durability, serve};
pub(crate) use install::Installation;

use crate::process;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The variable with the address of a server that may forget on a crash: `postgres://…`, a superuser, trusted.
pub(crate) const URL: &str = "VELOX_TEST_POSTGRES_URL";

/// The variable with the file of the authority that signed the certificate of the first server, which speaks TLS to whoever
/// asks for it.
pub(crate) const AUTHORITY: &str = "VELOX_TEST_POSTGRES_CA";

/// The variable with the address of a second server, which syncs every commit: for tests of crashes.
pub(crate) const DURABLE_URL: &str = "VELOX_TEST_POSTGRES_DURABLE_URL";

/// What `postgres` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Sync every commit, as in production; without it a crash of the machine may lose data
    #[arg(long)]
    durable: bool,
    /// A setting of the server, such as shared_preload_libraries=timescaledb
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Become a server of the data in this folder, made when it is not there, and leave them; for tests that kill it
    #[arg(long, value_name = "FOLDER", requires = "port", conflicts_with = "command")]
    data: Option<PathBuf>,
    /// The port of 127.0.0.1 of such a server
    #[arg(long, requires = "data")]
    port: Option<u16>,
    /// The address of the primary that such a server, when its folder is not there, becomes a streaming replica of
    #[arg(long, requires = "data", value_name = "URL")]
    replica_of: Option<String>,
    /// The command to run; without one, PostgreSQL runs until ctrl-c
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Starts a server, prints its address or runs a command with it, stops it, and answers with the command's exit code.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let durability = if args.durable { Durability::Synced } else { Durability::Volatile };
    if let (Some(folder), Some(port)) = (&args.data, args.port) {
        return become_server(folder, port, durability, args);
    }
    process::catch_interrupts()?;
    let cluster = Cluster::start_with(durability, &args.set)?;
    process::run_with(&cluster.variables(URL), &args.command)
}

/// Our process becomes PostgreSQL's first one.
fn become_server(folder: &Path, port: u16, durability: Durability, args: &Args) -> anyhow::Result<ExitCode> {
    let installation = Installation::find()?;
    if !folder.exists() {
        installation.make_folder(folder)?;
        match &args.replica_of {
            Some(primary) => installation.copy(folder, primary)?,
            None => installation.initialise(folder, cluster::SUPERUSER)?,
        }
    }
    let mut postgres = installation.command("postgres");
    durability.apply(serve(&mut postgres, folder, port));
    for setting in &args.set {
        postgres.args(["-c", setting]);
    }
    Err(postgres.exec().into())
}
