//! The release build of velox as the server under test.

use super::server::{Server, build_release, free_address};
use crate::workspace;
use std::path::PathBuf;
use std::process::Command;

/// A running velox and its data. Dropping it stops the server, then removes the data.
pub(super) struct Velox {
    pub(super) server: Server,
    _data: Data,
}

/// Builds velox and starts it on new, empty data under target/bench and on a free port; `args` are further flags.
/// Requests are not limited, since all of them come from one address. Its output goes to `target/bench/velox-<name>.log`.
pub(super) fn start(name: &str, args: &[&str]) -> anyhow::Result<Velox> {
    let program = build_release(&["--package", "velox"])?.join("velox");
    let folder = workspace::target().join("bench");
    let data = Data(folder.join(format!("data-{name}-{}", std::process::id())));
    std::fs::create_dir_all(&data.0)?;
    let address = free_address()?;
    let mut command = Command::new(program);
    command.arg("--data-dir").arg(&data.0).args(["--port", &address.port().to_string()]);
    command.args(["--set", "limits.requests_per_minute=0"]).args(args);
    let server = Server::start(&mut command, address, &folder.join(format!("velox-{name}.log")))?;
    Ok(Velox { server, _data: data })
}

struct Data(PathBuf);

impl Drop for Data {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}
