//! The release build of velox as the server under test.

use super::server::{Server, build_release, free_address};
use crate::workspace;
use std::path::PathBuf;
use std::process::Command;

/// Which program is started.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// The product.
    Velox,
    /// The same on in-memory stores: what an order costs without durability.
    Memory,
}

/// A running velox and its data. Dropping it stops the server, then removes the data.
pub(super) struct Velox {
    pub(super) server: Server,
    pub(super) data: Data,
}

/// Builds velox and starts it on new, empty data under target/bench and on a free port; `args` are further flags.
/// Callers are not limited, since all requests come from one user. Its output goes to `target/bench/velox-<name>.log`.
pub(super) fn start(program: Program, name: &str, args: &[&str]) -> anyhow::Result<Velox> {
    let data = Data(folder().join(format!("data-{name}-{}", std::process::id())));
    std::fs::create_dir_all(&data.0)?;
    start_on(program, data, name, args)
}

/// [`start`] on data of an earlier server.
pub(super) fn start_on(program: Program, data: Data, name: &str, args: &[&str]) -> anyhow::Result<Velox> {
    let program = match program {
        Program::Velox => build_release(&["--package", "velox"])?.join("velox"),
        Program::Memory => {
            build_release(&["--package", "velox", "--example", "memory_server"])?.join("examples/memory_server")
        }
    };
    let address = free_address()?;
    let mut command = Command::new(program);
    command.arg("--data-dir").arg(&data.0).args(["--port", &address.port().to_string()]);
    for limit in ["requests", "orders", "logins"] {
        command.args(["--set", &format!("limits.{limit}_per_minute=0")]);
    }
    // The clients of a measurement are one user's.
    command.args(["--set", "streams.per_user=1000000"]);
    let server = Server::start(command.args(args), address, &folder().join(format!("velox-{name}.log")))?;
    Ok(Velox { server, data })
}

impl Velox {
    /// Stops the server and keeps its data.
    pub(super) fn stop(self) -> Data {
        self.data
    }
}

fn folder() -> PathBuf {
    workspace::target().join("bench")
}

/// A data directory. Dropping it removes it.
pub(super) struct Data(pub(super) PathBuf);

impl Drop for Data {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}
