//! Whether the configuration can be used.

use std::net::IpAddr;

use tracing_subscriber::EnvFilter;

use super::finding::Finding;
use crate::config::{ConfigError, FeedKind, Origin, Settings};

const CHECK: &str = "configuration";

/// One that was refused.
pub(super) fn refused(error: &ConfigError) -> Finding {
    Finding::fail(CHECK, error.to_string(), "correct that setting; docs/config.md describes every key")
}

/// One that was read: where it came from, and what is wrong with its values beyond their form.
pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    let config = &settings.config;
    let mut findings = vec![Finding::ok(CHECK, sources(settings))];
    if let Err(error) = EnvFilter::try_new(&config.log.filter) {
        findings.push(Finding::fail(CHECK, format!("log.filter: {error}"), "write it as `info,velox::http=debug`"));
    }
    if config.market.feed == FeedKind::Replay {
        match &config.market.replay_path {
            None => findings.push(Finding::fail(
                CHECK,
                "market.feed is replay, but market.replay_path names no file",
                "set market.replay_path, or set market.feed to demo",
            )),
            Some(path) => {
                if let Err(error) = std::fs::File::open(path) {
                    findings.push(Finding::fail(
                        CHECK,
                        format!("market.replay_path {}: {error}", path.display()),
                        "name a file that this user can read",
                    ));
                }
            }
        }
    }
    if !is_local(config.server.bind) {
        findings.push(Finding::warn(
            CHECK,
            format!("server.bind is {}: tokens cross the network unencrypted", config.server.bind),
            "put a proxy with TLS in front and bind to 127.0.0.1, or keep the network private",
        ));
    }
    findings
}

const fn is_local(bind: IpAddr) -> bool {
    bind.is_loopback()
}

fn sources(settings: &Settings) -> String {
    let (mut defaults, mut variables, mut flags, mut file) = (0_usize, 0_usize, 0_usize, None);
    let mut from_file = 0_usize;
    for entry in &settings.entries {
        match &entry.origin {
            Origin::Default => defaults += 1,
            Origin::File(path, _) => {
                from_file += 1;
                file = Some(path.display().to_string());
            }
            Origin::Variable(_) => variables += 1,
            Origin::Flag(_) => flags += 1,
        }
    }
    let file = file.map_or_else(|| "no file".to_owned(), |file| format!("{from_file} from {file}"));
    format!("{defaults} defaults, {file}, {variables} from the environment, {flags} from flags")
}
