//! [`Redis`]: a Redis server of one test, which may kill, stop and restart it.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::waiting::PATIENCE;

/// A Redis server that keeps nothing.
pub(crate) struct Redis {
    port: u16,
    folder: TempDir,
    child: Child,
}

impl Redis {
    /// Starts one on a free port.
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        // A free port may be taken by somebody else before the server has it.
        for _ in 0..5 {
            let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
            if let Some(child) = launch(port, &folder) {
                return Self { port, folder, child };
            }
        }
        panic!("redis-server does not start")
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        url_at(&self.place())
    }

    /// Host and port.
    pub(crate) fn place(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills it: what it knew is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whether it was killed.
    pub(crate) fn is_gone(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Starts it again where it was.
    pub(crate) fn start_again(&mut self) {
        self.child = launch(self.port, &self.folder).expect("the port is free: it was ours");
    }

    /// Stops it without a word, or lets it go on.
    pub(crate) fn freeze(&self, frozen: bool) {
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address of a server that is reached at a host and port.
pub(crate) fn url_at(place: &str) -> String {
    format!("redis://{place}/0")
}

fn launch(port: u16, folder: &TempDir) -> Option<Child> {
    let mut child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-server is needed: apt-get install --yes redis-server");
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (say, ready) = channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if line.contains("Ready to accept connections") {
                let _ = say.send(());
            }
        }
    });
    // The sender goes when the server ends, which it does at once when the port is taken.
    if ready.recv_timeout(PATIENCE).is_ok() {
        return Some(child);
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}
