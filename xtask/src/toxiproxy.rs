//! Toxiproxy, which breaks connections on demand: built once with Go, kept under the target directory.

use crate::{programs, workspace};
use anyhow::{Context, bail, ensure};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The variable with the path of the server's program.
pub(crate) const PROGRAM: &str = "VELOX_TEST_TOXIPROXY";

const VERSION: &str = "v2.12.0";

/// The server's program: the one in `PATH`, or the one that is built by the first who needs it, in about a minute.
pub(crate) fn prepare() -> anyhow::Result<PathBuf> {
    if let Ok(there) = programs::find("toxiproxy-server", "") {
        return Ok(there);
    }
    let folder = workspace::scratch().join("tools").join(format!("toxiproxy-{VERSION}"));
    let program = folder.join("server");
    if program.is_file() {
        return Ok(program);
    }
    let source = format!("github.com/Shopify/toxiproxy/v2/cmd/server@{VERSION}");
    let Ok(go) = programs::find("go", "golang-go") else {
        bail!("neither toxiproxy-server nor Go is here: install Go 1.23 or newer, it builds {source}");
    };
    println!("building toxiproxy {VERSION}, once");
    let mut build = Command::new(go);
    build.args(["install", &source]).env("GOBIN", &folder).env_remove("GOFLAGS").stdin(Stdio::null());
    let output = build.output().context("cannot run go")?;
    ensure!(output.status.success(), "go install {source}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(program)
}
