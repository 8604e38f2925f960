//! `velox migrate status`: which steps of the schema the database has, and which this program knows.
//!
//! Nothing else migrates by hand: a server brings its database to its own schema when it starts.

use std::io::{self, Write};

use super::Ending;
use super::database::{State, describe, known_steps, look};
use crate::config::Config;

/// Prints where the schema stands.
///
/// # Errors
/// The output cannot be written.
pub async fn migrate_status(config: &Config, out: &mut (dyn Write + Send)) -> io::Result<Ending> {
    let state = look(config).await;
    let steps = known_steps(config);
    let newest = steps.last().map_or("none", |step| step.version);
    writeln!(out, "program   {}, knows migrations up to {newest}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "database  {}", describe(config))?;
    // Steps are done in the order of their names: those before the first missing one were done.
    let done = match &state {
        State::Current | State::Newer(_) => steps.len(),
        State::Older(first) => steps.iter().position(|step| step.version == *first).unwrap_or(0),
        State::Missing => 0,
        State::Corrupt(reason) => {
            writeln!(out, "it is damaged: {reason}. Restore a backup")?;
            return Ok(Ending::NotChecked);
        }
        State::Foreign => {
            writeln!(out, "it is a database, but not one of Velox")?;
            return Ok(Ending::NotChecked);
        }
        State::Unavailable(reason) => {
            writeln!(out, "it cannot be reached: {reason}")?;
            return Ok(Ending::NotChecked);
        }
    };
    for (place, step) in steps.iter().enumerate() {
        writeln!(out, "{}  {}", if place < done { "applied " } else { "pending " }, step.version)?;
    }
    match state {
        State::Newer(version) => {
            writeln!(
                out,
                "unknown   {version}: a newer Velox wrote it; start that one, or restore a backup from before"
            )?;
            Ok(Ending::Faults)
        }
        State::Missing => {
            writeln!(out, "there is no database yet; the first start of the server makes it")?;
            Ok(Ending::Well)
        }
        State::Older(_) => {
            writeln!(out, "the next start of the server applies what is pending")?;
            Ok(Ending::Well)
        }
        _ => Ok(Ending::Well),
    }
}
