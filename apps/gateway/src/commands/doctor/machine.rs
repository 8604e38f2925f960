//! The machine: its clock and its limits.

use std::time::UNIX_EPOCH;

use rustix::process::{Resource, getrlimit};
use velox_crypto::SystemClock;
use velox_kernel::{Clock, Timestamp};

use super::finding::Finding;
use crate::config::Config;
use crate::wiring::database_file;

const CLOCK: &str = "clock";
const FILES: &str = "open files";
/// 2026-01-01T00:00:00Z: this program is younger.
const EARLIEST: i64 = 1_767_225_600;
/// A file this many seconds younger than the clock says that the clock went back.
const SLACK: i64 = 60;
/// Files besides connections: the database, its readers, logs, the listener.
const OWN_FILES: u64 = 128;
/// Each connection holds its socket twice, an event stream three times (`http/client_socket.rs`).
const FILES_A_CONNECTION: u64 = 3;

/// Whether the clock can be right.
pub(super) fn clock(config: &Config) -> Finding {
    let now = SystemClock.now();
    let mend = "set the clock, and let it be kept (`timedatectl set-ntp true`)";
    if now.seconds() < EARLIEST {
        return Finding::fail(CLOCK, format!("it says {now}, which is before this program was made"), mend);
    }
    if let Some(written) = newest_write(config)
        && written.seconds() > now.seconds() + SLACK
    {
        let detail = format!("it says {now}, but the database was written at {written}: it went back");
        return Finding::fail(CLOCK, detail, mend);
    }
    Finding::ok(CLOCK, format!("{now}"))
}

/// When the embedded database, or its write-ahead log, was written last.
fn newest_write(config: &Config) -> Option<Timestamp> {
    let path = database_file(config);
    let mut log = path.clone().into_os_string();
    log.push("-wal");
    let written = |path: &std::ffi::OsStr| {
        let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()?;
        let since = modified.duration_since(UNIX_EPOCH).ok()?;
        Some(Timestamp::from_seconds(i64::try_from(since.as_secs()).ok()?))
    };
    written(path.as_os_str()).max(written(&log))
}

/// Whether there may be as many connections as the configuration allows.
pub(super) fn open_files(config: &Config) -> Finding {
    let wanted = u64::try_from(config.server.max_connections).unwrap_or(u64::MAX);
    let wanted = wanted.saturating_mul(FILES_A_CONNECTION).saturating_add(OWN_FILES);
    let Some(allowed) = getrlimit(Resource::Nofile).current else {
        return Finding::ok(FILES, "without a limit");
    };
    let mend =
        format!("`ulimit -n {wanted}` (LimitNOFILE={wanted} in a systemd unit), or a lower server.max_connections");
    let detail = format!("{allowed} may be open; server.max_connections needs {wanted}");
    match allowed {
        0..256 => Finding::fail(FILES, detail, mend),
        _ if allowed < wanted => Finding::warn(FILES, detail, mend),
        _ => Finding::ok(FILES, format!("{allowed} may be open")),
    }
}
