//! [`Server`]: a running `velox`, a child of the test that ends with it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::api::Api;
use crate::waiting::{PATIENCE, wait_for};

/// How many lines of the log are kept.
const LOG: usize = 2_000;
/// How many of them a failed test shows.
const SHOWN: usize = 40;

/// A running `velox`.
pub(crate) struct Server {
    child: Child,
    log: Arc<Mutex<VecDeque<String>>>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From its start to the first 200 of `/readyz`.
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(command: &mut Command) -> Self {
        let began = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::default();
        let address = follow(child.stderr.take().unwrap(), &log);
        let mut server =
            Self { child, log, address: SocketAddr::from(([127, 0, 0, 1], 0)), ready_after: Duration::ZERO };
        // The sender goes with the log's end: a process that dies before it listens is noticed at once.
        server.address = address.recv_timeout(PATIENCE).expect("it ended before it listened");
        wait_for("readiness", PATIENCE, || server.is_ready().then_some(()));
        server.ready_after = began.elapsed();
        server
    }

    fn is_ready(&self) -> bool {
        Api::new(self.address, "").call("GET", "/readyz", None).is_ok_and(|answer| answer.status == 200)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it as a crash would: no handler runs, nothing is flushed.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.signal(), Some(9), "it had ended before it was killed: {status}");
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Stops it from doing anything, its connections open, as a machine does that hangs.
    pub(crate) fn freeze(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).unwrap();
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).unwrap();
    }

    /// How it ended, once it has.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_for("the process to end", PATIENCE, || self.child.try_wait().unwrap())
    }

    /// Ends it in good order.
    pub(crate) fn stop(mut self) {
        self.terminate();
        let status = self.ended();
        assert!(status.success(), "{status}");
    }

    /// How many lines of its log hold this.
    pub(crate) fn logged(&self, text: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|line| line.contains(text)).count()
    }

    /// Whether a line of its log holds this.
    pub(crate) fn has_logged(&self, text: &str) -> bool {
        self.logged(text) > 0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After a test that passed it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log.lock().unwrap();
            eprintln!("the end of the log of the server on {}:", self.address);
            log.iter().skip(log.len().saturating_sub(SHOWN)).for_each(|line| eprintln!("{line}"));
        }
    }
}

/// Keeps the end of the log, and gives the address once that is in it.
fn follow(stderr: ChildStderr, log: &Arc<Mutex<VecDeque<String>>>) -> Receiver<SocketAddr> {
    let (found, address): (Sender<SocketAddr>, _) = channel();
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if line.contains("listening on http://")
                && let Ok(line) = serde_json::from_str::<serde_json::Value>(&line)
                && let Some(address) = line["address"].as_str().and_then(|text| text.parse().ok())
            {
                // Nobody waits for a second one.
                let _ = found.send(address);
            }
            let mut log = log.lock().unwrap();
            if log.len() == LOG {
                log.pop_front();
            }
            log.push_back(line);
        }
    });
    address
}
