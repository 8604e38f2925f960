//! Keeps load generators on one and the same core, so that the two of a comparison take the same from what they load.

use anyhow::{Context, ensure};
use std::fs;
use std::process::{Command, Stdio};

const TASKSET: &str = "/usr/bin/taskset";

/// The core that [`on_one_core`] takes, the last one that we may use. None where that is the only one, or where `taskset`
/// is not installed.
pub(super) fn core() -> anyhow::Result<Option<String>> {
    let known = fs::exists(TASKSET)?;
    Ok(last_of_several(&cores()?).filter(|_| known).map(str::to_owned))
}

/// Does something on [`core`] alone: the calling thread stays there meanwhile, and so does every process that it starts.
pub(super) fn on_one_core<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let Some(core) = core()? else { return work() };
    let before = cores()?;
    keep_on(&core)?;
    let done = work();
    keep_on(&before)?;
    done
}

/// The cores that the calling thread may use, such as `0-3,6`.
fn cores() -> anyhow::Result<String> {
    let status = fs::read_to_string("/proc/thread-self/status").context("cannot read /proc/thread-self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    Ok(line.context("no Cpus_allowed_list")?.trim().to_owned())
}

/// Keeps the calling thread on these cores.
fn keep_on(cores: &str) -> anyhow::Result<()> {
    let thread = fs::read_link("/proc/thread-self").context("cannot read /proc/thread-self")?;
    let mut taskset = Command::new(TASKSET);
    taskset.args(["--cpu-list", "--pid", cores]).arg(thread.file_name().context("a thread without a number")?);
    let output = taskset.stdin(Stdio::null()).output().context("cannot run taskset")?;
    ensure!(output.status.success(), "taskset: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The last core of a list, when it names more than one.
fn last_of_several(cores: &str) -> Option<&str> {
    cores.rsplit_once([',', '-']).map(|(_, last)| last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_several_cores_is_taken() {
        assert_eq!(last_of_several("0-1"), Some("1"));
        assert_eq!(last_of_several("0-3,12"), Some("12"));
        assert_eq!(last_of_several("0,2-7"), Some("7"));
        assert_eq!(last_of_several("3"), None);
    }
}
