//! `cargo xtask layers`: dependencies point inward, `kernel <- domains <- {engine, adapters} <- apps`.

mod graph;
mod rules;

use std::process::ExitCode;

/// Reads the workspace from `cargo metadata`, prints each wrong edge with its rule, and fails when there is one.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let graph = graph::read()?;
    let violations = rules::check(&graph);
    for violation in &violations {
        println!("{violation}");
    }
    if violations.is_empty() {
        println!("{} packages of the workspace, every dependency points inward", graph.members().count());
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} wrong, see the rules in xtask/src/layers/rules.rs", violations.len());
    Ok(ExitCode::FAILURE)
}
