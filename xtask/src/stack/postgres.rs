//! PostgreSQL of the stack: every commit synced, on data that stay.

use crate::postgres::{Installation, serve};
use anyhow::{Context, ensure};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The superuser and the database, as in the compose file.
const NAME: &str = "velox";
/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(2);

/// Under the stack's folder, or where the server's user gets at it: a clone in root's home is out of its reach.
pub(super) fn data_folder() -> anyhow::Result<PathBuf> {
    let near = super::folder();
    if Installation::find()?.reaches(&near) {
        return Ok(near.join("postgres"));
    }
    let parent = PathBuf::from("/var/tmp/velox-stack");
    std::fs::create_dir_all(&parent)?;
    Ok(parent.join(super::slug()))
}

pub(super) fn command(data: &Path, port: u16) -> anyhow::Result<Command> {
    let installation = Installation::find()?;
    if !data.exists() {
        make(&installation, data)?;
    }
    let mut postgres = installation.lasting_command("postgres");
    serve(&mut postgres, data, port);
    Ok(postgres)
}

/// Makes data with an empty database, whole or not at all.
fn make(installation: &Installation, data: &Path) -> anyhow::Result<()> {
    let half = data.with_extension("half");
    if half.exists() {
        std::fs::remove_dir_all(&half)?;
    }
    installation.make_folder(&half)?;
    installation.initialise(&half, NAME)?;
    // No server runs yet: one program does it alone.
    let mut single = installation.command("postgres");
    single.args(["--single", "-D"]).arg(&half).arg("postgres").current_dir(&half);
    let mut single = single.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    single.stdin.take().context("no stdin")?.write_all(format!("CREATE DATABASE {NAME}\n").as_bytes())?;
    let output = single.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && !said.contains("ERROR"), "cannot make the database {NAME}: {said}");
    std::fs::rename(&half, data)?;
    Ok(())
}

/// Asks a question of the database, in the server's own protocol: no client program need be there.
pub(super) fn is_usable(port: u16) -> bool {
    ask(port).unwrap_or(false)
}

fn ask(port: u16) -> std::io::Result<bool> {
    let mut session = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), LIMIT)?;
    session.set_read_timeout(Some(LIMIT))?;
    let names = format!("user\0{NAME}\0database\0{NAME}\0\0");
    let version: u32 = 3 << 16;
    session.write_all(&message(None, &[&version.to_be_bytes(), names.as_bytes()].concat()))?;
    session.write_all(&message(Some(b'Q'), b"SELECT 'usable'\0"))?;
    // The end: the server closes when it has answered.
    session.write_all(&message(Some(b'X'), b""))?;
    let mut answer = Vec::new();
    session.read_to_end(&mut answer)?;
    Ok(answer.windows(6).any(|part| part == b"usable"))
}

/// A message of PostgreSQL's protocol 3.0: kind (but for the first), length, content.
fn message(kind: Option<u8>, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(4 + content.len()).unwrap_or(u32::MAX);
    kind.into_iter().chain(length.to_be_bytes()).chain(content.iter().copied()).collect()
}
