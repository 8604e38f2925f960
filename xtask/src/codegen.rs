//! `cargo xtask codegen`: the files that are generated from the code, committed, and checked to be current.
//!
//! `velox generate <what>` prints each of them: only the binary knows its own routes, configuration keys and error codes.

use crate::workspace;
use anyhow::{Context, ensure};
use std::process::{Command, ExitCode};

/// What `velox generate` is asked for, and the file that holds the answer.
const GENERATED: [(&str, &str); 4] = [
    ("config-docs", "docs/config.md"),
    ("config-schema", "schemas/config.schema.json"),
    ("openapi", "schemas/openapi.json"),
    ("error-codes", "docs/errors.md"),
];

/// What `codegen` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail when a file is not what the code says
    #[arg(long)]
    check: bool,
}

/// Writes every generated file, or with `--check` names the stale ones.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let velox = workspace::build_velox()?;
    let mut stale = Vec::new();
    for (what, path) in GENERATED {
        let output = Command::new(&velox).args(["generate", what]).output().context("cannot run velox")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`velox generate {what}`: {}\n{complaint}", output.status);
        ensure!(!output.stdout.is_empty(), "`velox generate {what}` printed nothing");
        let file = workspace::root().join(path);
        // A file that cannot be read is as good as missing: writing it gives the precise error.
        if std::fs::read(&file).is_ok_and(|present| present == output.stdout) {
            continue;
        }
        if args.check {
            stale.push(path);
            continue;
        }
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&file, &output.stdout).with_context(|| format!("cannot write {path}"))?;
        println!("wrote {path}");
    }
    for path in &stale {
        println!("{path} is stale");
    }
    if stale.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("mend it with: cargo xtask codegen");
    Ok(ExitCode::FAILURE)
}
