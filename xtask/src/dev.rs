//! `cargo xtask dev`: velox from source, on data that may be thrown away.

mod fleet;
mod member;

use crate::{process, stack, workspace};
use std::os::unix::process::CommandExt;
use std::process::ExitCode;

/// What `dev` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run on the stack of `cargo xtask stack`, started when it does not run, and left running
    #[arg(long)]
    stack: bool,
    /// How many gateways run side by side; two or more get nginx in front of them
    #[arg(long, requires = "stack", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    gateways: u16,
    /// Each role in processes of its own: gateways that serve clients alone, and the others beside them
    #[arg(long, requires = "stack")]
    split: bool,
    /// How many processes play each role but the gateways'
    #[arg(long, requires = "split", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=8))]
    workers: u16,
    /// The port of nginx
    #[arg(long, requires = "stack", default_value_t = 3000)]
    nginx_port: u16,
    /// Arguments for velox
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    velox: Vec<String>,
}

/// Becomes `cargo run --package velox`, so that velox keeps the terminal and gets its signals itself; with several
/// processes, starts them all and ends them all.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut cargo = workspace::cargo();
    cargo.args(["run", "--quiet", "--package", "velox", "--", "--data-dir"]);
    if !args.stack {
        cargo.arg(workspace::target().join("dev"));
        return Err(cargo.args(&args.velox).exec().into());
    }
    process::catch_interrupts()?;
    let mut variables = stack::up(&stack::Wish::default())?;
    if args.gateways == 1 && !args.split {
        cargo.arg(stack::velox_folder()).args(&args.velox);
        Err(cargo.envs(variables).exec().into())
    } else {
        // Limits are shares of so many, and clients are known by what nginx says.
        variables.push(("VELOX_LIMITS_GATEWAYS", args.gateways.to_string()));
        variables.push(("VELOX_SERVER_TRUSTED_PROXIES", "127.0.0.1".to_owned()));
        fleet::run(args, &variables)
    }
}
