//! `cargo xtask dev`: velox from source, on data that may be thrown away.

use crate::workspace;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;

/// What `dev` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Arguments for velox
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    velox: Vec<String>,
}

/// Becomes `cargo run --package velox`: velox keeps the terminal and gets its signals itself.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut cargo = workspace::cargo();
    cargo.args(["run", "--quiet", "--package", "velox", "--", "--data-dir"]).arg(workspace::target().join("dev"));
    Err(cargo.args(&args.velox).exec().into())
}
