//! `cargo xtask test`: what must hold before a change lands, in three tiers.
//!
//! The steps stand in `test/steps.rs`, one line each. A step is a command; its output goes to a log under target/xtask
//! and to the terminal only when it fails.

mod step;
mod steps;
mod summary;
mod tally;

use crate::servers::Servers;
use crate::{process, workspace};
use std::process::ExitCode;
use step::Tier;

/// What `test` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Formatting, lints, layers, generated files, unit tests: under three minutes when built
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Everything, with long campaigns: up to 75 minutes
    #[arg(long)]
    full: bool,
    /// Only the steps whose name contains this, and what they need
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Use this PostgreSQL instead of starting one: postgres://…/database, a superuser, every commit synced
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

/// Runs the steps of the tier one after another, all of them whatever fails, and prints what came of each.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let tier = match (args.quick, args.full) {
        (true, _) => Tier::Quick,
        (_, true) => Tier::Full,
        _ => Tier::Default,
    };
    process::catch_interrupts()?;
    std::fs::create_dir_all(workspace::scratch())?;
    let wanted = |name: &str| args.only.as_deref().is_none_or(|text| name.contains(text));
    let mut steps = steps::of(tier, args.database_url.is_some())?;
    let chosen: Vec<usize> = (0..steps.len()).filter(|place| wanted(&steps[*place].name)).collect();
    anyhow::ensure!(!chosen.is_empty(), "no step is called so");
    // With a step comes what it needs: a check must not run against what was built before.
    let keep: Vec<bool> = (0..steps.len())
        .map(|place| chosen.iter().any(|one| *one == place || steps[*one].needs_step(&steps[place].name)))
        .collect();
    let mut keep = keep.into_iter();
    steps.retain(|_| keep.next().unwrap_or(false));
    let mut servers = Servers::new(args.database_url.clone())?;
    let mut reports: Vec<step::Report> = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        if process::interrupted() {
            break;
        }
        println!("{} ...", step.name);
        // The next step's servers start while this one is at work.
        servers.begin(steps.iter().skip(place).take(2).flat_map(step::Step::needed));
        let report = step.run(tier, &mut servers, &reports)?;
        summary::announce(&report);
        reports.push(report);
    }
    drop(servers); // Whatever came of the steps, their servers are stopped before the last lines are printed.
    if process::interrupted() {
        println!("interrupted");
    }
    let passed = summary::print(&reports) && !process::interrupted();
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
