//! [`Identity`]: a process as it is known after we have ended, never mistaken for another one with its number.

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::Command;

/// The number of a process and when it started.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) pid: i32,
    started: String,
}

impl Identity {
    /// The process that has this number now; `None` when none has, or only what is left of one that has ended.
    pub(super) fn of(pid: i32) -> Option<Identity> {
        let started = if Path::new("/proc/self/stat").exists() { from_proc(pid) } else { from_ps(pid) };
        Some(Identity { pid, started: started? })
    }

    /// Whether it still runs.
    pub(super) fn runs(&self) -> bool {
        Identity::of(self.pid).as_ref() == Some(self)
    }

    /// Sends it a signal, if it still runs.
    pub(super) fn signal(&self, signal: Signal) {
        if self.runs()
            && let Some(pid) = Pid::from_raw(self.pid)
        {
            let _gone_already = kill_process(pid, signal);
        }
    }
}

/// Ticks from the machine's start to the process's (field 22 of proc(5)), and which start of the machine that was.
fn from_proc(pid: i32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Some(format!("{} {}", start_ticks(&stat)?, boot.trim()))
}

/// The name before the fields may hold spaces and brackets. A zombie has no start any more.
fn start_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let fields: Vec<_> = after_name.split_whitespace().collect();
    if matches!(fields.first(), Some(&("Z" | "X"))) {
        return None;
    }
    fields.get(19)?.parse().ok()
}

fn from_ps(pid: i32) -> Option<String> {
    let output = Command::new("ps").args(["-o", "lstart=", "-p", &pid.to_string()]).output().ok()?;
    let started = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!started.is_empty()).then_some(started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_start() {
        let ours = Identity::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(ours.runs());
        let before = Identity { started: "long ago".to_owned(), ..ours };
        assert!(!before.runs(), "another process had this number");
    }

    #[test]
    fn the_start_is_read_behind_a_name_with_brackets() {
        let stat = "42 (a) (b c) S 1 42 42 0 -1 4194304 100 0 0 0 700 30 5 6 20 0 1 0 12345 1000 200";
        assert_eq!(start_ticks(stat), Some(12345));
        assert_eq!(start_ticks(&stat.replace(") S", ") Z")), None, "it has ended");
        assert_eq!(start_ticks("42 (short) S"), None);
    }
}
