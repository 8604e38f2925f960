//! Redis of the stack: data that stay, each second's writes at risk at most.

use crate::{programs, redis};
use std::path::Path;
use std::process::Command;

pub(super) fn command(data: &Path, port: u16) -> anyhow::Result<Command> {
    let mut server = Command::new(programs::find("redis-server", "redis-server")?);
    std::fs::create_dir_all(data)?;
    server.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(data);
    server.args(["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]);
    Ok(server)
}

pub(super) fn is_usable(port: u16) -> bool {
    redis::answers(port)
}
