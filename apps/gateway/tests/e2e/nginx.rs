//! [`Nginx`]: nginx in front of servers, by the configuration that we give to others.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::api::Api;
use crate::waiting::{PATIENCE, wait_for};

/// A running nginx. Dropping it stops it.
pub(crate) struct Nginx {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

impl Nginx {
    /// Starts it in front of servers at these ports of 127.0.0.1.
    pub(crate) fn start(servers: &[u16]) -> Self {
        let program = std::env::var_os("VELOX_TEST_NGINX")
            .expect("VELOX_TEST_NGINX names no nginx: run the tests with `cargo xtask test`, which finds it");
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/nginx/nginx.conf.template");
        let template = std::fs::read_to_string(template).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let lines: Vec<_> = servers.iter().map(|port| format!("server 127.0.0.1:{port} max_fails=0;")).collect();
        let filled = template.replace("\n${GATEWAYS}\n", &format!("\n{}\n", lines.join("\n")));
        let filled = filled.replace("${LISTEN}", &address.to_string());
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        std::fs::write(folder.path().join("nginx.conf"), filled).unwrap();
        // As root, its workers would be somebody who cannot get at the folder.
        let user = if rustix::process::geteuid().is_root() { "user root; " } else { "" };
        let mut command = Command::new(program);
        command.arg("-p").arg(folder.path()).args(["-c", "nginx.conf", "-g", &format!("{user}daemon off;")]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let nginx = Self { child, address, _folder: folder };
        wait_for("nginx", PATIENCE, || Api::new(address, "").call("GET", "/livez", None).ok());
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Killed, it would leave its workers behind.
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

/// A port of 127.0.0.1 that nobody has at the moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
