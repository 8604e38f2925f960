//! [`OwnRegistry`]: a Schema Registry of one test, which may kill it.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use serde_json::Value;

use crate::api::Api;
use crate::nginx::free_port;
use crate::waiting::{PATIENCE, wait_for};

/// A Schema Registry, and its data. Dropping it ends it.
pub(crate) struct OwnRegistry {
    folder: PathBuf,
    /// Where Confluent's paths begin.
    path: String,
    child: Option<Child>,
}

impl OwnRegistry {
    /// Starts one on new data, whose paths begin as those of the tests' registry do.
    pub(crate) fn start(path: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("velox-e2e-registry-{}-{}", std::process::id(), free_port()));
        let mut registry = Self { folder, path: path.to_owned(), child: None };
        registry.start_again();
        registry.wait();
        registry
    }

    /// Its host and port, chosen when it is started the first time.
    pub(crate) fn address(&self) -> SocketAddr {
        let chosen = self.folder.join("ports.json");
        let text = wait_for("the registry's port", PATIENCE, || std::fs::read(&chosen).ok());
        let ports: Value = serde_json::from_slice(&text).unwrap();
        SocketAddr::from(([127, 0, 0, 1], ports["registry"].as_u64().and_then(|port| port.try_into().ok()).unwrap()))
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts it on its data. It answers after a while.
    pub(crate) fn start_again(&mut self) {
        let xtask = std::env::var_os("VELOX_TEST_XTASK").expect("VELOX_TEST_XTASK names no xtask");
        let mut command = Command::new(xtask);
        command.arg("kafka").arg("--data").arg(&self.folder).args(["--become", "registry"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
    }

    /// Returns once it answers.
    pub(crate) fn wait(&self) {
        let (address, subjects) = (self.address(), format!("{}/subjects", self.path));
        wait_for("the registry", PATIENCE, || {
            let answer = Api::new(address, "").call("GET", &subjects, None);
            answer.is_ok_and(|answer| answer.status == 200).then_some(())
        });
    }
}

impl Drop for OwnRegistry {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Who answers 503 to whatever is asked, in place of a server that does not run. Dropping it frees the address.
pub(crate) struct Unavailable {
    address: SocketAddr,
    ends: Arc<AtomicBool>,
    running: Option<JoinHandle<()>>,
}

impl Unavailable {
    pub(crate) fn start(address: SocketAddr) -> Self {
        let (listener, ends) = (TcpListener::bind(address).unwrap(), Arc::<AtomicBool>::default());
        let is_over = Arc::clone(&ends);
        let running = std::thread::spawn(move || {
            for mut client in listener.incoming().map_while(Result::ok) {
                if is_over.load(Ordering::Acquire) {
                    return;
                }
                // Whoever asked may be gone.
                let _ = client
                    .write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        Self { address, ends, running: Some(running) }
    }
}

impl Drop for Unavailable {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        // It sees so with the next connection.
        drop(TcpStream::connect(self.address));
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
    }
}
