//! [`Member`]: one process of several, whose lines carry its name.

use crate::process;
use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

/// Until it must have ended: velox drains for ten seconds at most.
const LIMIT: Duration = Duration::from_secs(20);

/// A running process. Dropping it asks it to end, waits, and prints the rest of its output.
pub(super) struct Member {
    pub(super) name: String,
    process: Child,
    output: Vec<JoinHandle<()>>,
    /// Its end was told already.
    ended: bool,
}

impl Member {
    pub(super) fn start(name: String, command: &mut Command) -> anyhow::Result<Member> {
        // A group of its own: ctrl-c at the terminal is for us, and we end everybody in order.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut process = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
        let output = [print(&name, process.stdout.take()), print(&name, process.stderr.take())];
        Ok(Member { name, process, output: output.into_iter().flatten().collect(), ended: false })
    }

    /// Itself while it runs; says once when it does not.
    pub(super) fn runs(&mut self) -> Option<&Member> {
        match self.process.try_wait() {
            Ok(None) => Some(self),
            Ok(Some(status)) => {
                if !std::mem::replace(&mut self.ended, true) {
                    println!("{} ended with {status}", self.name);
                }
                None
            }
            Err(_) => None,
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if self.runs().is_some() {
            let _gone_already = kill_process(Pid::from_child(&self.process), Signal::TERM);
            if !matches!(process::wait(&self.process, LIMIT), Ok(true)) {
                eprintln!("{} does not end, killing it", self.name);
                let _gone_already = self.process.kill();
            }
            let _status = self.process.wait();
        }
        for thread in self.output.drain(..) {
            let _panicked = thread.join();
        }
    }
}

/// Prints lines with a name before each.
fn print(name: &str, lines: Option<impl Read + Send + 'static>) -> Option<JoinHandle<()>> {
    let (name, lines) = (name.to_owned(), lines?);
    Some(std::thread::spawn(move || {
        for line in BufReader::new(lines).lines().map_while(Result::ok) {
            println!("{name} | {line}");
        }
    }))
}
