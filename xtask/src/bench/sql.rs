//! Statements on the database under test, through `psql`.

use crate::postgres::{Cluster, Installation};
use anyhow::{Context, ensure};
use std::process::{Child, Stdio};

/// Runs statements as the superuser and answers what they print, without headings.
pub(super) fn psql(cluster: &Cluster, database: &str, query: &str) -> anyhow::Result<String> {
    Asked::of(cluster, database, query)?.answer()
}

/// Statements that run while something else goes on.
pub(super) struct Asked(Child);

impl Asked {
    /// Begins statements as the superuser.
    pub(super) fn of(cluster: &Cluster, database: &str, query: &str) -> anyhow::Result<Asked> {
        let mut command = Installation::find()?.command("psql");
        command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", &at_database(&cluster.url(), database), "-c", query]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(Asked(command.spawn().context("cannot run psql")?))
    }

    /// Waits for their end and answers what they printed, without headings.
    pub(super) fn answer(self) -> anyhow::Result<String> {
        let output = self.0.wait_with_output().context("cannot run psql")?;
        ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// The same server, another database.
pub(super) fn at_database(url: &str, database: &str) -> String {
    url.rsplit_once('/').map_or_else(|| url.to_owned(), |(server, _)| format!("{server}/{database}"))
}
