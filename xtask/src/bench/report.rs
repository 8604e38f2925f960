//! Figures and where they go.

use super::machine::Machine;
use crate::workspace;
use anyhow::Context;
use serde::Serialize;
use std::path::PathBuf;
use std::process::Command;

/// One measured thing.
#[derive(Serialize)]
pub(super) struct Figure {
    /// What was measured, readable on its own.
    pub(super) name: String,
    pub(super) value: f64,
    /// Of the value: `us`, `requests/CPU s`, `x` for a ratio.
    pub(super) unit: &'static str,
    /// What the value came from (rounds, percentiles), for whoever doubts it.
    pub(super) detail: serde_json::Value,
}

impl Figure {
    /// A figure without detail.
    pub(super) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Figure {
        Figure { name: name.into(), value, unit, detail: serde_json::Value::Null }
    }

    /// The same figure with detail.
    pub(super) fn detail(mut self, detail: serde_json::Value) -> Figure {
        self.detail = detail;
        self
    }
}

/// The figures of one bench, with what they depend on.
#[derive(Serialize)]
pub(super) struct Report {
    bench: &'static str,
    /// Seconds since 1970.
    taken_at: u64,
    /// With `-dirty` when files were changed since.
    commit: String,
    machine: Machine,
    figures: Vec<Figure>,
}

impl Report {
    /// Adds machine, commit and time.
    pub(super) fn new(bench: &'static str, figures: Vec<Figure>) -> anyhow::Result<Report> {
        #[expect(clippy::disallowed_methods, reason = "when a figure was taken is wall time")]
        let now = std::time::SystemTime::now();
        let taken_at = now.duration_since(std::time::UNIX_EPOCH)?.as_secs();
        Ok(Report { bench, taken_at, commit: commit()?, machine: Machine::read()?, figures })
    }

    /// Prints a table.
    pub(super) fn print(&self) {
        println!("{}; commit {}", self.machine, self.commit);
        let width = self.figures.iter().map(|figure| figure.name.len()).max().unwrap_or(0);
        for Figure { name, value, unit, .. } in &self.figures {
            println!("  {name:width$}  {value:>12.3} {unit}");
        }
    }

    /// Writes `target/bench/<bench>-<time>.json` and answers its path.
    pub(super) fn save(&self) -> anyhow::Result<PathBuf> {
        let folder = workspace::target().join("bench");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}-{}.json", self.bench, self.taken_at));
        std::fs::write(&path, serde_json::to_vec_pretty(self)?).context("cannot save the figures")?;
        Ok(path)
    }
}

fn commit() -> anyhow::Result<String> {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]).current_dir(workspace::root());
    let output = git.output().context("cannot run git")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
