//! [`OwnPostgres`]: a PostgreSQL of one test, which may kill it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::database::Sql;
use crate::nginx::free_port;
use crate::waiting::{PATIENCE, wait_for};

/// A server that syncs its commits, and its data. Dropping it ends both.
pub(crate) struct OwnPostgres {
    folder: PathBuf,
    port: u16,
    /// Flags for its start.
    flags: Vec<String>,
    running: Option<Child>,
}

impl OwnPostgres {
    /// Starts one on new data.
    pub(crate) fn start() -> Self {
        Self::start_with(vec!["--durable".to_owned()])
    }

    /// Starts a streaming replica of it, which shows what was done so long ago.
    pub(crate) fn replicate(&self, lag: Duration) -> Self {
        let lag = format!("recovery_min_apply_delay={}ms", lag.as_millis());
        Self::start_with(["--replica-of", &self.url(), "--set", &lag].map(str::to_owned).into())
    }

    fn start_with(flags: Vec<String>) -> Self {
        // Where the server's user gets at it; a folder of ours alone would be out of its reach.
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("velox-e2e-postgres-{}-{port}", std::process::id()));
        let mut server = Self { folder, port, flags, running: None };
        server.start_again();
        server
    }

    /// Where it listens on 127.0.0.1.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Its address, as a superuser.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Kills all of its processes at once, as a crash of the machine would.
    pub(crate) fn kill(&mut self) {
        let mut child = self.running.take().expect("it runs");
        kill_process_group(Pid::from_child(&child), Signal::KILL).unwrap();
        child.wait().unwrap();
    }

    /// Starts it on its data, and waits until it takes sessions. A start that comes too early for what the kill left
    /// behind is tried again.
    pub(crate) fn start_again(&mut self) {
        let config = tokio_postgres::Config::from_str(&self.url()).unwrap();
        wait_for("PostgreSQL", PATIENCE, || {
            let mut running = match self.running.take() {
                Some(running) => running,
                None => self.spawn(),
            };
            if running.try_wait().unwrap().is_none() {
                self.running = Some(running);
            }
            Sql::try_connect(&config).ok()
        });
    }

    fn spawn(&self) -> Child {
        let xtask = std::env::var_os("VELOX_TEST_XTASK")
            .expect("VELOX_TEST_XTASK names no xtask: run the tests with `cargo xtask test`, which says where it is");
        let mut command = Command::new(xtask);
        command.args(["postgres", "--port", &self.port.to_string(), "--data"]).arg(&self.folder).args(&self.flags);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        std::os::unix::process::CommandExt::process_group(&mut command, 0).spawn().unwrap()
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
