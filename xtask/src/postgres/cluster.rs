//! One running server with data of its own.

use super::certificates::Certificates;
use super::install::Installation;
use crate::{leftovers, process, workspace};
use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Until it must take connections; a busy machine needs a few seconds.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Until it must have ended.
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// A free port may be taken between our look and its start.
const PORT_TRIES: u32 = 5;

/// Who may do everything on a server for tests.
pub(super) const SUPERUSER: &str = "postgres";

/// What a commit is worth.
#[derive(Clone, Copy)]
pub(crate) enum Durability {
    /// No syncs: quick, and a crash of the machine may lose everything. For tests.
    Volatile,
    /// Every commit is synced before it is answered, as in production.
    Synced,
}

impl Durability {
    /// Makes a server's command keep it.
    pub(super) fn apply(self, postgres: &mut Command) {
        if matches!(self, Durability::Volatile) {
            postgres.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
        }
    }
}

/// A running server. Dropping it stops the server and removes its data.
pub(crate) struct Cluster {
    server: Child,
    /// Carries nothing; disconnects when the last process of the server is gone.
    log_open: Receiver<()>,
    folder: PathBuf,
    port: u16,
    certificates: Option<Certificates>,
}

impl Cluster {
    /// Makes a data directory and starts a server on a free port of 127.0.0.1.
    pub(crate) fn start(durability: Durability) -> anyhow::Result<Cluster> {
        Cluster::start_with(durability, &[])
    }

    /// [`Cluster::start`] with settings, such as `shared_preload_libraries=timescaledb`.
    pub(crate) fn start_with(durability: Durability, settings: &[String]) -> anyhow::Result<Cluster> {
        let installation = Installation::find()?;
        let name = match durability {
            Durability::Volatile => "volatile",
            Durability::Synced => "synced",
        };
        // One process may start several.
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("{name}-{number}-{}", std::process::id());
        let folder = make_folder(&installation, &name)?;
        let started = installation.initialise(&folder, SUPERUSER).and_then(|()| {
            let log = logs_folder().join(format!("{name}.log"));
            // Measurements and traces of system calls see what is sent: the other server does not encrypt.
            let certificates = match durability {
                Durability::Volatile => Some(Certificates::make(&folder, installation.user.as_ref())?),
                Durability::Synced => None,
            };
            let (server, log_open, port) =
                start_on_a_free_port(&installation, &folder, &log, durability, settings, certificates.as_ref())?;
            Ok((server, log_open, port, certificates))
        });
        if started.is_err() {
            let _half_made = std::fs::remove_dir_all(&folder);
        }
        let (server, log_open, port, certificates) = started?;
        Ok(Cluster { server, log_open, folder, port, certificates })
    }

    /// The number of its first process, whose children are the others.
    pub(crate) fn pid(&self) -> u32 {
        self.server.id()
    }

    /// What a test is told of it: its address under this name, and whom to trust.
    pub(crate) fn variables(&self, address: &'static str) -> Vec<(&'static str, String)> {
        let authority = self.certificates.iter().map(|made| (super::AUTHORITY, made.authority.display().to_string()));
        std::iter::once((address, self.url())).chain(authority).collect()
    }

    /// Its address, as a superuser, on the database `postgres`.
    pub(crate) fn url(&self) -> String {
        url(self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown: sessions are ended, data is flushed.
        let _gone_already = kill_process(Pid::from_child(&self.server), Signal::INT);
        if !matches!(process::wait(&self.server, STOP_LIMIT), Ok(true)) {
            eprintln!("PostgreSQL on port {} does not stop, killing it", self.port);
            let _gone_already = self.server.kill();
        }
        let _status = self.server.wait();
        // Its children notice by themselves; the data must stay until the last is gone.
        let _disconnected = self.log_open.recv_timeout(STOP_LIMIT);
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("cannot remove {}: {error}", self.folder.display());
        }
    }
}

/// A folder that the server's user owns, named after us so that a later run can tell when it was left behind.
fn make_folder(installation: &Installation, name: &str) -> anyhow::Result<PathBuf> {
    let near = logs_folder();
    std::fs::create_dir_all(&near)?;
    leftovers::remove(&near)?;
    let parent = if installation.reaches(&near) { near } else { std::env::temp_dir().join("velox-xtask-postgres") };
    std::fs::create_dir_all(&parent)?;
    leftovers::remove(&parent)?;
    let folder = parent.join(name);
    installation.make_folder(&folder)?;
    Ok(folder)
}

/// Where servers log, and keep their data when they can get there.
fn logs_folder() -> PathBuf {
    workspace::scratch().join("postgres")
}

fn start_on_a_free_port(
    installation: &Installation,
    folder: &Path,
    log: &Path,
    durability: Durability,
    settings: &[String],
    certificates: Option<&Certificates>,
) -> anyhow::Result<(Child, Receiver<()>, u16)> {
    for _ in 0..PORT_TRIES {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut postgres = installation.command("postgres");
        durability.apply(serve(&mut postgres, folder, port));
        for setting in settings {
            postgres.args(["-c", setting]);
        }
        if let Some(Certificates { server, key, .. }) = certificates {
            postgres.args(["-c", "ssl=on", "-c", &format!("ssl_cert_file={}", server.display())]);
            postgres.args(["-c", &format!("ssl_key_file={}", key.display())]);
        }
        // A group of its own: ctrl-c at the terminal is for us, and we stop it when the tests have ended.
        postgres.process_group(0);
        let mut server = postgres.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let stderr = server.stderr.take().context("no stderr")?;
        let (ready, log_open) = follow(stderr, log)?;
        if ready.recv_timeout(START_LIMIT).is_ok() {
            return Ok((server, log_open, port));
        }
        let _ended_already = server.kill();
        server.wait()?;
        if !std::fs::read_to_string(log).unwrap_or_default().contains("Address already in use") {
            break;
        }
    }
    bail!("PostgreSQL does not start, see {}", log.display())
}

/// Makes `postgres` a server of a folder and a port of 127.0.0.1.
pub(crate) fn serve<'a>(postgres: &'a mut Command, folder: &Path, port: u16) -> &'a mut Command {
    postgres.arg("-D").arg(folder).args(["-h", "127.0.0.1", "-k", "", "-p", &port.to_string()]);
    // Contract suites run side by side, each with its own pool.
    postgres.args(["-c", "max_connections=300", "-c", "log_line_prefix=%m [%p] "]);
    // Whole statements in pg_stat_activity, for whoever wonders and for `bench pgbench`.
    postgres.args(["-c", "track_activity_query_size=32768"]);
    postgres.env("LC_ALL", "C").current_dir(folder)
}

/// The address of such a server, as its superuser, on the database `postgres`.
pub(super) fn url(port: u16) -> String {
    format!("postgres://{SUPERUSER}@127.0.0.1:{port}/postgres")
}

/// Copies the server's log to a file. The first receiver hears when it takes connections; the second disconnects when
/// nobody holds the log open any more.
fn follow(stderr: ChildStderr, log: &Path) -> anyhow::Result<(Receiver<()>, Receiver<()>)> {
    let mut file = std::fs::File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let ((ready, ready_here), (open, open_here)) = (channel(), channel());
    std::thread::spawn(move || {
        let _held_until_the_end: std::sync::mpsc::Sender<()> = open;
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let _log_is_a_help_only = writeln!(file, "{line}");
            if line.contains("database system is ready to accept connections") {
                let _given_up = ready.send(());
            }
        }
    });
    Ok((ready_here, open_here))
}
