//! A Redis server of one test, which may stop, kill and flush it.

use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use velox_redis::{RedisOptions, RedisServer};

/// How long the server may take to start.
const START: Duration = Duration::from_secs(20);

pub(crate) struct OwnServer {
    pub(crate) port: u16,
    folder: TempDir,
    process: Child,
}

impl OwnServer {
    pub(crate) async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        // A free port may be taken by somebody else before the server has it.
        for _ in 0..5 {
            let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
            if let Some(process) = launch(port, &folder).await {
                return Self { port, folder, process };
            }
        }
        panic!("redis-server does not start")
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn server_with(&self, options: RedisOptions) -> Arc<RedisServer> {
        Arc::new(RedisServer::new(&self.url(), options).unwrap())
    }

    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Starts it again on the same port, with nothing in it.
    pub(crate) async fn start_again(&mut self) {
        self.process = launch(self.port, &self.folder).await.expect("the port is free: it was ours");
    }

    /// Sends it a signal, such as `STOP`.
    pub(crate) async fn signal(&self, name: &str) {
        let pid = self.process.id().unwrap().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().await.unwrap().success());
    }
}

async fn launch(port: u16, folder: &TempDir) -> Option<Child> {
    let mut process = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("redis-server is needed: apt-get install --yes redis-server");
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let ready = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("Ready to accept connections") {
                return true;
            }
        }
        false
    };
    let ready = tokio::time::timeout(START, ready).await.expect("redis-server says nothing");
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    ready.then_some(process)
}
