//! How fast records go to a topic and come from it, by topic and setting.

use super::super::report::Figure;
use super::super::server::build_release;
use crate::kafka::BROKERS;
use anyhow::{Context, ensure};
use std::process::Command;

const RECORDS: u32 = 200_000;

pub(super) fn run(brokers: &str) -> anyhow::Result<Vec<Figure>> {
    let program = build_release(&["--package", "velox", "--example", "topic_rates"])?.join("examples/topic_rates");
    let output = Command::new(program).arg(RECORDS.to_string()).env(BROKERS, brokers).output();
    let output = output.context("cannot measure topics")?;
    ensure!(output.status.success(), "topic_rates: {}", String::from_utf8_lossy(&output.stderr));
    let mut figures = Vec::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let [name, sent, read, bytes, _] = line.split('\t').collect::<Vec<_>>()[..] else {
            anyhow::bail!("not a setting: {line}");
        };
        figures.push(Figure::new(format!("{name}, {bytes} bytes: records to the topic"), sent.parse()?, "1/s"));
        figures.push(Figure::new("    records from it", read.parse()?, "1/s"));
    }
    Ok(figures)
}
