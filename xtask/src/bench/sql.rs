//! Statements on the database under test, through `psql`.

use crate::postgres::{Cluster, Installation};
use anyhow::{Context, ensure};
use std::process::Stdio;

/// Runs statements as the superuser and answers what they print, without headings.
pub(super) fn psql(cluster: &Cluster, database: &str, query: &str) -> anyhow::Result<String> {
    let mut command = Installation::find()?.command("psql");
    command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", &at_database(&cluster.url(), database), "-c", query]);
    let output = command.stdin(Stdio::null()).output().context("cannot run psql")?;
    ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// The same server, another database.
pub(super) fn at_database(url: &str, database: &str) -> String {
    url.rsplit_once('/').map_or_else(|| url.to_owned(), |(server, _)| format!("{server}/{database}"))
}
