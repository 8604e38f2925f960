//! A server under test: started on a free port, asked until it answers, its CPU time and memory read from /proc.

use crate::process::answers_ok;
use crate::workspace;
use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// Until it must answer, and until it must have ended.
const LIMIT: Duration = Duration::from_secs(60);

/// A running server. Dropping it asks it to end, and kills it when it does not.
pub(super) struct Server {
    process: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// From its start to the first 200 of `/livez`.
    pub(super) ready_after: Duration,
}

impl Server {
    /// Starts a program with its output in `log` and waits until `GET /livez` answers 200.
    pub(super) fn start(command: &mut Command, address: SocketAddr, log: &Path) -> anyhow::Result<Server> {
        let output = std::fs::File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
        let start = tokio::time::Instant::now();
        let process = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
        let mut server = Server { process, address, ready_after: Duration::ZERO };
        while !answers_ok(address.port(), "/livez") {
            if let Some(status) = server.process.try_wait()? {
                bail!("the server ended with {status}, see {}", log.display());
            }
            ensure!(start.elapsed() < LIMIT, "no answer from {address}, see {}", log.display());
            // Short against any start worth measuring, long against the CPU it takes from the server.
            std::thread::park_timeout(Duration::from_millis(1));
        }
        server.ready_after = start.elapsed();
        Ok(server)
    }

    /// The number of its process.
    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone_already = kill_process(Pid::from_child(&self.process), Signal::TERM);
        if !matches!(crate::process::wait(&self.process, LIMIT), Ok(true)) {
            let _gone_already = self.process.kill();
        }
        let _status = self.process.wait();
    }
}

/// An address of this machine that nobody listens on.
pub(super) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// Where programs that were built before are; none are built then.
static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();

/// From now on programs are taken from this folder, laid out like `target/release`, instead of being built.
pub(super) fn use_programs(folder: PathBuf) {
    PROGRAMS.get_or_init(|| folder);
}

/// Builds something in the release profile, with cargo's output on the terminal; answers the folder it is in.
pub(super) fn build_release(args: &[&str]) -> anyhow::Result<PathBuf> {
    if let Some(folder) = PROGRAMS.get() {
        return Ok(folder.clone());
    }
    let status = workspace::cargo().args(["build", "--quiet", "--release"]).args(args).status()?;
    ensure!(status.success(), "`cargo build --release {}` failed", args.join(" "));
    Ok(workspace::target().join("release"))
}

/// User and system time that a process has taken so far.
pub(super) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the server is gone")?;
    let ticks = cpu_ticks(&stat).context("cannot read /proc/…/stat")?;
    let per_second = u32::try_from(rustix::param::clock_ticks_per_second())?;
    Ok(Duration::from_secs(ticks) / per_second)
}

/// User and system time that a process and its children have taken so far, those included that have ended.
pub(super) fn cpu_time_of_family(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the server is gone")?;
    let mut ticks = family_ticks(&stat, 4).context("cannot read /proc/…/stat")?;
    for entry in std::fs::read_dir("/proc")? {
        // A process may end while we look.
        let Ok(stat) = std::fs::read_to_string(entry?.path().join("stat")) else { continue };
        if parent(&stat) == Some(pid) {
            ticks += family_ticks(&stat, 2).unwrap_or(0);
        }
    }
    let per_second = u32::try_from(rustix::param::clock_ticks_per_second())?;
    Ok(Duration::from_secs(ticks) / per_second)
}

/// Resident memory of a process in KiB (VmRSS).
pub(super) fn resident_kib(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("the server is gone")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// The sum of utime and stime.
fn cpu_ticks(stat: &str) -> Option<u64> {
    family_ticks(stat, 2)
}

/// The sum of the first `count` of utime, stime, cutime and cstime, fields 14 to 17 of proc(5). The name before them
/// may hold spaces and brackets.
fn family_ticks(stat: &str, count: usize) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().skip(11).take(count).map(|field| field.parse::<u64>().ok()).sum()
}

/// The parent of a process, field 4 of proc(5).
fn parent(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_a_name_with_brackets() {
        let stat = "42 (a) (b c) S 1 42 42 0 -1 4194304 100 0 0 0 700 30 5 6 20 0 1 0 12345 1000 200";
        assert_eq!(cpu_ticks(stat), Some(730));
        assert_eq!((family_ticks(stat, 4), parent(stat)), (Some(741), Some(1)));
        assert_eq!(cpu_ticks("42 (short) S"), Some(0), "no field is no time");
    }
}
