//! The Python environment of the checks under tests/: a folder in the target directory, nothing on the machine.

use crate::workspace;
use anyhow::{Context, ensure};
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn folder() -> PathBuf {
    workspace::scratch().join("venv")
}

/// The environment's interpreter.
pub(crate) fn interpreter() -> PathBuf {
    folder().join("bin/python")
}

/// Makes the environment and installs `tests/requirements.txt`, unless that was done for the same text: then no network
/// is needed. Answers its folder.
pub(crate) fn prepare() -> anyhow::Result<PathBuf> {
    let requirements = workspace::root().join("tests/requirements.txt");
    let wanted = if requirements.exists() { std::fs::read_to_string(&requirements)? } else { String::new() };
    let stamp = folder().join("installed-requirements.txt");
    if interpreter().exists() && std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder());
    }
    let mut venv = Command::new("python3");
    run(
        venv.args(["-m", "venv", "--clear"]).arg(folder()),
        "Python is not complete: apt-get install --yes python3-venv",
    )?;
    if !wanted.is_empty() {
        let mut pip = Command::new(interpreter());
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        run(pip.arg(&requirements), "cannot install tests/requirements.txt")?;
    }
    std::fs::write(&stamp, wanted)?;
    Ok(folder())
}

fn run(command: &mut Command, trouble: &'static str) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output().context(trouble)?;
    ensure!(output.status.success(), "{trouble}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
