//! Running other programs so that nothing of them outlives us: process groups, deadlines, ctrl-c.

use anyhow::Context;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io::{IsTerminal, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// The process group that runs at the moment and is told when we are interrupted.
static RUNNING: Mutex<Option<Pid>> = Mutex::new(None);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static INTERRUPT: OnceLock<Mutex<Receiver<()>>> = OnceLock::new();

/// How a program ended.
pub(crate) enum Ended {
    /// By itself.
    Exited(ExitStatus),
    /// It ran longer than it may, and was killed.
    TimedOut,
}

/// From now on SIGINT, SIGTERM and SIGHUP end the running program instead of us, so that what we started is stopped in
/// order: servers by their owners' `Drop`. Look at [`interrupted`] between steps.
pub(crate) fn catch_interrupts() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let (told, told_here) = channel();
    let signals = {
        let _inside = runtime.enter();
        [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?]
    };
    INTERRUPT.get_or_init(|| Mutex::new(told_here));
    std::thread::spawn(move || {
        let [mut interrupt, mut terminate, mut hangup] = signals;
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
                // The second time it is meant.
                let signal = if INTERRUPTED.swap(true, Ordering::SeqCst) { Signal::KILL } else { Signal::TERM };
                if let Some(group) = *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) {
                    let _gone_already = kill_process_group(group, signal);
                }
                let _nobody_waits = told.send(());
            }
        });
    });
    Ok(())
}

/// Whether we were told to stop.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Waits until we are told to stop. Needs [`catch_interrupts`].
pub(crate) fn wait_for_interrupt() {
    if let Some(told) = INTERRUPT.get() {
        let _sender_lives_forever = told.lock().unwrap_or_else(PoisonError::into_inner).recv();
    }
}

/// Runs a program in a process group of its own for at most `limit`, and kills what it leaves behind in that group.
pub(crate) fn run(command: &mut Command, limit: Duration) -> anyhow::Result<Ended> {
    let mut child = command.process_group(0).spawn().with_context(|| format!("cannot run {command:?}"))?;
    let group = Pid::from_child(&child);
    *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = Some(group);
    if interrupted() {
        // We were told while nobody was registered to be told further.
        let _gone_already = kill_process_group(group, Signal::TERM);
    }
    let ended = wait(&child, limit)?;
    *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = None;
    // The leader is not reaped yet, so that its number cannot have gone to a stranger's group.
    let _nothing_left = kill_process_group(group, Signal::KILL);
    let status = child.wait()?;
    Ok(if ended { Ended::Exited(status) } else { Ended::TimedOut })
}

/// Waits until a child has ended, without reaping it. False when `limit` passed first.
pub(crate) fn wait(child: &Child, limit: Duration) -> anyhow::Result<bool> {
    let pid = Pid::from_child(child);
    let (ended, ended_here) = channel();
    std::thread::spawn(move || {
        let outcome = loop {
            match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Err(rustix::io::Errno::INTR) => {}
                outcome => break outcome,
            }
        };
        let _limit_passed = ended.send(outcome);
    });
    match ended_here.recv_timeout(limit) {
        Ok(outcome) => Ok(outcome.map(|_| true)?),
        Err(RecvTimeoutError::Timeout) => Ok(false),
        Err(RecvTimeoutError::Disconnected) => anyhow::bail!("the waiting thread is gone"),
    }
}

/// Runs a command with a variable set, and answers with its exit code; without a command, says the variable and waits
/// until we are told to stop. Needs [`catch_interrupts`].
pub(crate) fn run_with(variables: &[(&str, String)], command: &[String]) -> anyhow::Result<ExitCode> {
    let Some((program, rest)) = command.split_first() else {
        for (name, value) in variables {
            println!("{name}={value}");
        }
        wait_for_interrupt();
        return Ok(ExitCode::SUCCESS);
    };
    let mut command = Command::new(program);
    command.args(rest).envs(variables.iter().cloned());
    run_here(&mut command)
}

/// Runs a command and answers with its exit code. At a terminal it stays in our process group, so that it may read and
/// hears ctrl-c itself. Needs [`catch_interrupts`].
pub(crate) fn run_here(command: &mut Command) -> anyhow::Result<ExitCode> {
    let status = if std::io::stdin().is_terminal() {
        command.status().with_context(|| format!("cannot run {command:?}"))?
    } else {
        match run(command, Duration::MAX)? {
            Ended::Exited(status) => status,
            Ended::TimedOut => return Ok(ExitCode::FAILURE),
        }
    };
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// A command of a program that ends when the thread that started it does, so that not even `kill -9` of us leaves it
/// behind; where the system cannot do that, a plain one.
pub(crate) fn ending_with_us(program: &Path) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    if !setpriv.exists() {
        return Command::new(program);
    }
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "TERM"]).arg(program);
    command
}

/// Looks again and again until something is so; false when `limit` passed first, or when we are told to stop.
pub(crate) fn until(limit: Duration, mut is_so: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<bool> {
    let began = tokio::time::Instant::now();
    while !is_so()? {
        if began.elapsed() > limit || interrupted() {
            return Ok(false);
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    Ok(true)
}

/// Whether a path of a server on 127.0.0.1 answers 200.
pub(crate) fn answers_ok(port: u16, path: &str) -> bool {
    let limit = Duration::from_secs(1);
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), limit)?;
        stream.set_read_timeout(Some(limit))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: xtask\r\nconnection: close\r\n\r\n")?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok(&start == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}
