//! [`OwnPostgres`]: a PostgreSQL of one test, which may kill it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

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

    /// Starts one on new data in this folder, which is the test's own, with settings.
    pub(crate) fn start_in(folder: &Path, settings: &[&str]) -> Self {
        let settings = settings.iter().flat_map(|setting| ["--set", setting]);
        let flags = std::iter::once("--durable").chain(settings).map(str::to_owned).collect();
        Self::start_at(folder.join("postgres"), free_port(), flags)
    }

    /// Starts a streaming replica of it, which may take its place.
    pub(crate) fn standby(&self) -> Self {
        Self::start_with(self.standby_flags())
    }

    fn standby_flags(&self) -> Vec<String> {
        ["--durable", "--replica-of", &self.url()].map(str::to_owned).into()
    }

    /// Starts this one, which was killed, as a streaming replica of another one: what it had is thrown away.
    pub(crate) fn follow(&mut self, primary: &Self) {
        std::fs::remove_dir_all(&self.folder).unwrap();
        self.flags = primary.standby_flags();
        self.start_again();
    }

    /// Writes to the log ahead until the server cannot, and ends for it.
    pub(crate) fn exhaust_log(&self) {
        let sql = self.sql();
        let write = "SELECT pg_logical_emit_message(false, 'velox', repeat('x', 1000000))";
        while sql.try_run(write).is_ok() {}
        assert!(sql.try_run("SELECT 1").is_err(), "it has ended");
    }

    /// Makes a replica a primary; it is one when this returns.
    pub(crate) fn promote(&self) {
        assert_eq!(self.sql().run("SELECT pg_promote(true, 60)"), ["t"]);
    }

    /// From now on commits wait for the replica, once there is one.
    pub(crate) fn wait_for_standby(&self) {
        let sql = self.sql();
        sql.run("ALTER SYSTEM SET synchronous_standby_names = '*'");
        sql.run("SELECT pg_reload_conf()");
        wait_for("the standby", PATIENCE, || {
            (sql.run("SELECT sync_state FROM pg_stat_replication") == ["sync"]).then_some(())
        });
    }

    /// A session.
    fn sql(&self) -> Sql {
        Sql::try_connect(&tokio_postgres::Config::from_str(&self.url()).unwrap()).unwrap()
    }

    /// Stops all of its processes, its connections open, or lets them go on.
    pub(crate) fn freeze(&self, frozen: bool) {
        let child = self.running.as_ref().expect("it runs");
        signal_all(child, if frozen { Signal::STOP } else { Signal::CONT });
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
        Self::start_at(folder, port, flags)
    }

    fn start_at(folder: PathBuf, port: u16, flags: Vec<String>) -> Self {
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
        // Stopped first, the first process begins no others.
        kill_process(Pid::from_child(&child), Signal::STOP).unwrap();
        signal_all(&child, Signal::KILL);
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

/// Sends a signal to a process and to its children: each of PostgreSQL's is a group of its own.
fn signal_all(first: &Child, signal: Signal) {
    let pid = first.id();
    kill_process(Pid::from_child(first), signal).unwrap();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    for child in children.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)) {
        // One that ends just now is gone as well.
        let _ = kill_process(child, signal);
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
