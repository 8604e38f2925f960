//! A real PostgreSQL for tests: found on this machine, started on a free port, thrown away.

mod certificates;
mod cluster;
mod install;

pub(crate) use cluster::{Cluster, Durability};
pub(crate) use install::Installation;

use crate::process;
use anyhow::Context;
use std::io::IsTerminal;
use std::process::{Command, ExitCode};
use std::time::Duration;

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
    /// The command to run; without one, PostgreSQL runs until ctrl-c
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Starts a server, prints its address or runs a command with it, stops it, and answers with the command's exit code.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    process::catch_interrupts()?;
    let cluster = Cluster::start(if args.durable { Durability::Synced } else { Durability::Volatile })?;
    let Some((program, rest)) = args.command.split_first() else {
        for (name, value) in cluster.variables(URL) {
            println!("{name}={value}");
        }
        process::wait_for_interrupt();
        return Ok(ExitCode::SUCCESS);
    };
    let mut command = Command::new(program);
    command.args(rest).envs(cluster.variables(URL));
    // At a terminal the command stays in our process group, so that it may read and hears ctrl-c itself.
    let status = if std::io::stdin().is_terminal() {
        command.status().with_context(|| format!("cannot run {program}"))?
    } else {
        match process::run(&mut command, Duration::MAX)? {
            process::Ended::Exited(status) => status,
            process::Ended::TimedOut => return Ok(ExitCode::FAILURE),
        }
    };
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
