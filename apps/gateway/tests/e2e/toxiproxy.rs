//! [`Toxiproxy`]: a way to a server that can be made bad.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::api::Api;
use crate::nginx::free_port;
use crate::waiting::{PATIENCE, wait_for};

/// A running toxiproxy with one proxy. Dropping it stops it.
pub(crate) struct Toxiproxy {
    child: Child,
    control: SocketAddr,
    /// Where the way begins: host and port.
    pub(crate) entry: String,
}

impl Toxiproxy {
    /// Starts it before the server at a host and port.
    pub(crate) fn start(upstream: &str) -> Self {
        let program = std::env::var_os("VELOX_TEST_TOXIPROXY")
            .expect("VELOX_TEST_TOXIPROXY names no toxiproxy: run the tests with `cargo xtask test`, which builds it");
        let (control, entry) = (free_port(), format!("127.0.0.1:{}", free_port()));
        let mut command = Command::new(program);
        command.args(["-host", "127.0.0.1", "-port", &control.to_string()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let control = SocketAddr::from(([127, 0, 0, 1], control));
        let proxy = Self { child, control, entry };
        wait_for("toxiproxy", PATIENCE, || Api::new(control, "").call("GET", "/version", None).ok());
        let way = json!({ "name": "way", "listen": proxy.entry, "upstream": upstream, "enabled": true });
        proxy.tell("POST", "/proxies", Some(&way));
        proxy
    }

    fn tell(&self, method: &str, path: &str, body: Option<&Value>) {
        let answer = Api::new(self.control, "").call(method, path, body).unwrap();
        assert!(answer.status < 300, "{method} {path}: {answer:?}");
    }

    /// Adds a toxic in one direction: `upstream` is towards the server.
    pub(crate) fn poison(&self, kind: &str, stream: &str, attributes: &Value) {
        let toxic = json!({ "name": kind, "type": kind, "stream": stream, "attributes": attributes });
        self.tell("POST", "/proxies/way/toxics", Some(&toxic));
    }

    /// Ends all connections and takes no new ones.
    pub(crate) fn close(&self) {
        self.tell("POST", "/proxies/way", Some(&json!({ "enabled": false })));
    }

    /// A good way again: no toxic, and open.
    pub(crate) fn heal(&self) {
        self.tell("POST", "/reset", None);
    }
}

impl Drop for Toxiproxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
