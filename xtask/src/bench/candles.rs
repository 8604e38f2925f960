//! Candles into PostgreSQL through the store, against plain COPY of the same rows into the same table.

use super::Settings;
use super::orders::median;
use super::ratio::Ratio;
use super::report::Figure;
use crate::postgres::{Cluster, Durability, URL};
use crate::workspace;
use anyhow::{Context, ensure};

const ROWS: u32 = 200_000;
/// What one save holds: as a running feed's history and the longer timeframes are kept, and as an import could.
const BATCHES: [u32; 3] = [1_000, 5_000, 20_000];

/// Rows a second on a server that syncs, by the size of a batch.
pub(super) fn run(settings: &Settings) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for batch in BATCHES {
        // Its rounds are in turn within the one process: what is measured is the store, and it is not started anew.
        let cluster = Cluster::start(Durability::Synced)?;
        let mut cargo = workspace::cargo();
        cargo.args(["run", "--quiet", "--release", "--package", "velox-postgres", "--example", "candle_ingest", "--"]);
        cargo.args([ROWS, batch, settings.rounds.max(1)].map(|number| number.to_string()));
        let output = cargo.envs(cluster.variables(URL)).output().context("cannot run cargo")?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "candle_ingest: {}", String::from_utf8_lossy(&output.stderr));
        let mut rounds = Vec::new();
        let mut replaced = Vec::new();
        for line in text.lines() {
            let numbers: Vec<f64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
            let [saved, copied, again] = numbers[..] else { anyhow::bail!("not three numbers: {line}") };
            rounds.push((saved, copied));
            replaced.push(again / copied);
        }
        let ratio = Ratio::of(rounds.clone());
        figures.push(ratio.figure(&format!("new candles by {batch}: rows/s against COPY"))?);
        let rows = |of: fn(&(f64, f64)) -> f64| median(rounds.iter().map(of).collect());
        figures.push(Figure::new("    through the store", rows(|round| round.0), "rows/s"));
        figures.push(Figure::new("    COPY", rows(|round| round.1), "rows/s"));
        figures.push(Figure::new("    candles that are there, replaced, against COPY", median(replaced), "x"));
    }
    Ok(figures)
}
