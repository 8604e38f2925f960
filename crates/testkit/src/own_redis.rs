//! [`OwnRedis`]: a Redis server of one test, which may kill, freeze and restart it.
#![allow(clippy::expect_used, clippy::panic, reason = "a server for tests: a test without it cannot go on")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long the server may take to start: a busy machine is slow.
const START: Duration = Duration::from_secs(60);
/// A free port may be taken by somebody else before the server has it.
const PORT_TRIES: u32 = 5;

/// A Redis server that keeps nothing. Dropping it ends it.
#[derive(Debug)]
pub struct OwnRedis {
    port: u16,
    folder: TempDir,
    child: Child,
}

impl OwnRedis {
    /// Starts one on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for Redis");
        for _ in 0..PORT_TRIES {
            let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
            let port = listener.local_addr().expect("its number").port();
            drop(listener);
            if let Some(child) = launch(port, &folder) {
                return Self { port, folder, child };
            }
        }
        panic!("redis-server does not start")
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        Self::url_at(&self.place())
    }

    /// The address of a server that is reached at a host and port.
    #[must_use]
    pub fn url_at(place: &str) -> String {
        format!("redis://{place}/0")
    }

    /// Host and port.
    #[must_use]
    pub fn place(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills it: what it knew is gone.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }

    /// Whether it was killed.
    ///
    /// # Panics
    /// When that cannot be told.
    pub fn is_gone(&mut self) -> bool {
        self.child.try_wait().expect("it is ours").is_some()
    }

    /// Starts it again where it was, with nothing in it.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&mut self) {
        self.child = launch(self.port, &self.folder).expect("the port is free: it was ours");
    }

    /// Stops it without a word, its connections open, or lets it go on.
    ///
    /// # Panics
    /// When it is gone.
    pub fn freeze(&self, frozen: bool) {
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        let _killed_already = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The server once it takes connections; `None` when it ends before, as it does when somebody else has the port.
fn launch(port: u16, folder: &TempDir) -> Option<Child> {
    let mut child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-server is needed: apt-get install --yes redis-server");
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let (say, ready) = channel();
    // What it says later is read too, so that it never waits for a reader.
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if line.contains("Ready to accept connections") {
                let _nobody_waits_any_more = say.send(());
            }
        }
    });
    // The sender goes when the server ends.
    if ready.recv_timeout(START).is_ok() {
        return Some(child);
    }
    let _ended_already = child.kill();
    let _status = child.wait();
    None
}
