//! The commands as a person runs them, against a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "tests")]

mod stack;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

fn xtask(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(args).stdin(Stdio::null());
    command
}

/// The port in `…postgres://postgres@127.0.0.1:PORT/postgres`.
fn port(url: &str) -> u16 {
    url.trim().rsplit_once(':').unwrap().1.split('/').next().unwrap().parse().unwrap()
}

/// Starts `xtask postgres` and waits for its address.
fn start() -> (Child, u16) {
    let mut child = xtask(&["postgres"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (child, port(&line))
}

/// Opens a session as far as the server's first answer: one that says nothing may hold up a shutdown for a minute.
fn session(port: u16) -> TcpStream {
    let mut session = TcpStream::connect(("127.0.0.1", port)).unwrap();
    session.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let names = b"user\0postgres\0database\0postgres\0\0";
    let length = u32::try_from(8 + names.len()).unwrap();
    let version: u32 = 3 << 16;
    session.write_all(&[&length.to_be_bytes()[..], &version.to_be_bytes(), names].concat()).unwrap();
    let mut first = [0; 1];
    session.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"R", "trusted sessions are let in");
    session
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_command_gets_a_server_and_its_exit_code_comes_back() {
    let script = r#"exec 3<>"/dev/tcp/127.0.0.1/$(echo "$VELOX_TEST_POSTGRES_URL" | sed 's/.*:\([0-9]*\).*/\1/')"; echo "$VELOX_TEST_POSTGRES_URL"; exit 7"#;
    let output = xtask(&["postgres", "--", "bash", "-euc", script]).output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", String::from_utf8_lossy(&output.stderr));
    let port = port(&String::from_utf8(output.stdout).unwrap());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "the server outlived the command");
}

#[test]
fn the_server_ends_with_us_when_we_are_told_to_end() {
    let (mut child, port) = start();
    TcpStream::connect(("127.0.0.1", port)).unwrap();
    signal(&child, "-TERM");
    child.wait().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "the server outlived us");
}

#[cfg(target_os = "linux")]
#[test]
fn the_server_ends_even_when_we_are_killed() {
    let (mut child, port) = start();
    // A session is closed by the server when it ends: no need to look again and again.
    let mut session = session(port);
    signal(&child, "-KILL");
    child.wait().unwrap();
    match session.read_to_end(&mut Vec::new()) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => panic!("the server outlived us: {other:?}"),
    }
    // What it left behind is removed by the next start.
    let (mut next, _) = start();
    signal(&next, "-INT");
    assert!(next.wait().unwrap().success());
}

#[test]
fn the_layers_of_this_workspace_are_in_order() {
    let output = xtask(&["layers"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
