//! Where things are: the root of the repository, the target directory, cargo.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository: the folder above this package.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Cargo's target directory, as `CARGO_TARGET_DIR` says or under the root.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Our own folder in the target directory: logs, servers' data, the Python environment.
pub(crate) fn scratch() -> PathBuf {
    target().join("xtask")
}

/// The cargo that runs us, to be run at the root of the repository.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// `velox` as built by [`build_velox`], in the debug profile.
pub(crate) fn velox() -> PathBuf {
    target().join("debug").join(format!("velox{}", std::env::consts::EXE_SUFFIX))
}

/// The arguments of cargo that build `velox` in the debug profile.
///
/// `--workspace` selects the same feature set that `cargo test --workspace` has, so that nothing is compiled twice.
pub(crate) const BUILD_VELOX: [&str; 4] = ["build", "--workspace", "--bin", "velox"];

/// Builds `velox`; cargo's own output goes to the terminal.
pub(crate) fn build_velox() -> anyhow::Result<PathBuf> {
    let status = cargo().args(BUILD_VELOX).arg("--quiet").status()?;
    anyhow::ensure!(status.success(), "velox does not build");
    Ok(velox())
}
