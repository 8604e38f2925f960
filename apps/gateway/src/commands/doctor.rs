//! `velox doctor`: says what is wrong with this installation and how to mend it. It changes nothing.

mod configuration;
mod data_dir;
mod database;
mod finding;
mod kafka;
mod keys;
mod machine;
mod postgres;
mod redis;
mod server;

use std::io::{self, Write};

use serde_json::json;

pub use self::finding::{Finding, Verdict};
use super::Ending;
use crate::config::{ConfigError, Settings};

/// Looks at everything, prints a line a check, and says whether anything fails.
///
/// # Errors
/// The output cannot be written.
pub async fn doctor(
    loaded: Result<Settings, ConfigError>,
    json: bool,
    out: &mut (dyn Write + Send),
) -> io::Result<Ending> {
    let findings = examine(loaded).await;
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    if json {
        serde_json::to_writer_pretty(&mut *out, &json!({"ok": !failed, "checks": findings}))?;
        writeln!(out)?;
    } else {
        for finding in &findings {
            writeln!(out, "{finding}")?;
        }
    }
    Ok(if failed { Ending::Faults } else { Ending::Well })
}

/// Everything there is to say.
pub async fn examine(loaded: Result<Settings, ConfigError>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let settings = match loaded {
        Ok(settings) => settings,
        Err(error) => {
            // Every other check is about what the configuration names.
            findings.push(configuration::refused(&error));
            return findings;
        }
    };
    let config = &settings.config;
    findings.extend(configuration::check(&settings));
    findings.extend(data_dir::check(config));
    findings.push(machine::clock(config));
    findings.push(machine::open_files(config));
    let (state, database) = database::check(config).await;
    findings.extend(database);
    findings.push(keys::check(config, &state));
    findings.extend(redis::check(config).await);
    findings.extend(kafka::check(config).await);
    findings.push(server::check(config).await);
    findings
}
