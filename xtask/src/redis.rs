//! A real Redis for tests: started on a free port, keeping nothing, stopped with us.

use crate::{process, programs, workspace};
use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitCode, Stdio};
use std::time::Duration;

/// The variable with the address of a server that keeps nothing.
pub(crate) const URL: &str = "VELOX_TEST_REDIS_URL";

/// Until it must answer, and until it must have ended.
const LIMIT: Duration = Duration::from_secs(20);
/// A free port may be taken between our look and its start.
const PORT_TRIES: u32 = 5;

/// What `redis` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The command to run; without one, Redis runs until ctrl-c
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Starts a server, prints its address or runs a command with it, stops it, and answers with the command's exit code.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    process::catch_interrupts()?;
    let redis = Redis::start()?;
    process::run_with(&[(URL, redis.url())], &args.command)
}

/// A running server. Dropping it stops it.
pub(crate) struct Redis {
    server: Child,
    port: u16,
}

impl Redis {
    /// Starts one on a free port of 127.0.0.1.
    pub(crate) fn start() -> anyhow::Result<Redis> {
        let program = programs::find("redis-server", "redis-server")?;
        let folder = workspace::scratch();
        std::fs::create_dir_all(&folder)?;
        let log = folder.join("redis.log");
        for _ in 0..PORT_TRIES {
            let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
            let mut server = process::ending_with_us(&program);
            server.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
            let output = std::fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
            // A group of its own: ctrl-c at the terminal is for us, and we stop it when the tests have ended.
            server.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).current_dir(&folder);
            let server = server.process_group(0).spawn().context("cannot run redis-server")?;
            let mut redis = Redis { server, port };
            let answered = process::until(LIMIT, || Ok(redis.server.try_wait()?.is_some() || answers(port)))?;
            if answered && redis.server.try_wait()?.is_none() {
                return Ok(redis);
            }
            if !std::fs::read_to_string(&log).unwrap_or_default().contains("Address already in use") {
                break;
            }
        }
        bail!("Redis does not start, see {}", log.display())
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _gone_already = kill_process(Pid::from_child(&self.server), Signal::TERM);
        if !matches!(process::wait(&self.server, LIMIT), Ok(true)) {
            let _gone_already = self.server.kill();
        }
        let _status = self.server.wait();
    }
}

/// Whether a Redis on this port answers a PING.
pub(crate) fn answers(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let limit = Duration::from_secs(1);
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok(&answer == b"+PONG")
    };
    ask().unwrap_or(false)
}
