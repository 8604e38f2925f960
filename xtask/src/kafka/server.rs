//! [`Server`]: one of them as a process.

use super::layout::Name;
use crate::process;
use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A process that was started, its output in a log.
pub(super) struct Server {
    pub(super) name: Name,
    pub(super) port: u16,
    pub(super) log: PathBuf,
    child: Child,
    ended: Option<ExitStatus>,
}

impl Server {
    /// Starts it. Its log and its process's number are in `NAME.log` and `NAME.pid` of the folder.
    pub(super) fn start(name: Name, port: u16, folder: &Path, command: &mut Command) -> anyhow::Result<Server> {
        let log = folder.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("cannot write {}", log.display()))?;
        // A group of its own: ctrl-c at the terminal is for us, and we stop it when the command has ended.
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
        let child = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
        write_pid(folder, name, child.id())?;
        Ok(Server { name, port, log, child, ended: None })
    }

    /// The number of its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended; `None` while it runs.
    pub(super) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait()?;
        }
        Ok(self.ended)
    }

    /// Sends it a signal, if it still runs.
    pub(super) fn signal(&mut self, signal: Signal) {
        if matches!(self.ended(), Ok(None)) {
            let _gone_already = kill_process(Pid::from_child(&self.child), signal);
        }
    }

    /// Waits until it has ended; kills it when `limit` passes first.
    pub(super) fn end(&mut self, limit: Duration) {
        if !matches!(self.ended(), Ok(None)) {
            return;
        }
        if !matches!(process::wait(&self.child, limit), Ok(true)) {
            eprintln!("{} does not stop, killing it", self.name);
            let _gone_already = self.child.kill();
        }
        self.ended = self.child.wait().ok();
    }
}

/// Writes the number of a server's process where whoever wants to kill it looks.
pub(super) fn write_pid(folder: &Path, name: Name, pid: u32) -> anyhow::Result<()> {
    let file = folder.join(format!("{name}.pid"));
    std::fs::write(&file, format!("{pid}\n")).with_context(|| format!("cannot write {}", file.display()))
}
