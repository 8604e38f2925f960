//! The stack as processes of this machine: they stay when we end, and are known by number and start.

use super::identity::Identity;
use super::service::Service;
use super::state::State;
use crate::{ports, process};
use anyhow::{Context, bail};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Until a service must be usable; a busy machine and a recovery after a crash take their time.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Until one must have ended.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// Starts what does not run, side by side, all or nothing.
pub(super) fn up(state: &mut State) -> anyhow::Result<()> {
    let services = state.wanted();
    let new: Vec<_> = services.iter().copied().filter(|service| !runs(state, *service)).collect();
    let outcome = start_all(state, &services, &new);
    if outcome.is_err() {
        stop(state, &new)?;
    }
    outcome
}

fn start_all(state: &mut State, services: &[Service], new: &[Service]) -> anyhow::Result<()> {
    choose_ports(state, services, new)?;
    let mut children = BTreeMap::new();
    for service in new {
        children.insert(*service, start(state, *service)?);
    }
    for service in services {
        wait_until_usable(state, *service, children.get_mut(service))?;
    }
    Ok(())
}

/// Before the first starts: each broker is told the ports of all.
fn choose_ports(state: &mut State, services: &[Service], new: &[Service]) -> anyhow::Result<()> {
    let others_run = services.iter().any(|service| service.broker().is_some() && !new.contains(service));
    for service in new {
        if let Some(port) = state.service(*service).and_then(|known| known.controllers) {
            let (is_free, name) = (ports::is_free(port)?, service.name());
            anyhow::ensure!(is_free || !others_run, "{name}: somebody else has port {port}: stack down, then up");
        }
        state.port_to_start(*service)?;
        if service.broker().is_some() {
            state.controllers_port_to_start(*service)?;
        }
    }
    Ok(())
}

/// Stops what runs.
pub(super) fn down(state: &mut State) -> anyhow::Result<()> {
    stop(state, &Service::ALL)
}

/// Deletes the data of services that do not run.
pub(super) fn delete(state: &State) -> anyhow::Result<()> {
    for service in Service::ALL {
        if let Some(data) = state.service(service).and_then(|known| known.data.as_ref())
            && data.exists()
        {
            std::fs::remove_dir_all(data).with_context(|| format!("cannot remove {}", data.display()))?;
        }
    }
    Ok(())
}

/// Whether the process that we started runs.
pub(super) fn runs(state: &State, service: Service) -> bool {
    state.service(service).and_then(|known| known.process.as_ref()).is_some_and(Identity::runs)
}

/// Where a service's output goes.
pub(super) fn log(service: Service) -> PathBuf {
    super::folder().join(format!("{}.log", service.name()))
}

/// Starts one on its port, which was chosen before.
fn start(state: &mut State, service: Service) -> anyhow::Result<Child> {
    let (known, port) = state.service(service).map_or((None, 0), |known| (known.data.clone(), known.port));
    let data = known.map_or_else(|| service.data_folder(), Ok)?;
    let mut command = detached(service.command(state, &data, port)?);
    let output = File::options().create(true).append(true).open(log(service))?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let child = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
    let identity = i32::try_from(child.id()).ok().and_then(Identity::of);
    // Written down before anything else may fail: what we started can always be stopped.
    state.change(service, |known| (known.data, known.process) = (Some(data), identity))?;
    Ok(child)
}

/// The same command in a session of its own, so that it has nothing to do with our terminal.
fn detached(command: Command) -> Command {
    let setsid = Path::new("/usr/bin/setsid");
    if !setsid.exists() {
        let mut command = command;
        command.process_group(0);
        return command;
    }
    let mut detached = Command::new(setsid);
    detached.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        detached.envs(value.map(|value| (name, value)));
    }
    detached.current_dir(command.get_current_dir().unwrap_or(Path::new("/")));
    detached
}

fn wait_until_usable(state: &State, service: Service, mut child: Option<&mut Child>) -> anyhow::Result<()> {
    let name = service.name();
    let port = state.service(service).map_or(0, |known| known.port);
    let mut ended = false;
    let usable = process::until(START_LIMIT, || {
        ended = child.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None)));
        Ok(ended || service.is_usable(port))
    })?;
    if process::interrupted() {
        bail!("interrupted");
    }
    let log = log(service);
    if ended {
        bail!("{name} ended at once, see {}", log.display());
    }
    anyhow::ensure!(usable, "{name} does not answer on port {port}, see {}", log.display());
    Ok(())
}

/// Tells those that run to end, all at once, and waits for each: of three brokers the last one would wait in vain for
/// others to agree that it may go.
fn stop(state: &mut State, services: &[Service]) -> anyhow::Result<()> {
    let process = |state: &State, service: Service| state.service(service).and_then(|known| known.process.clone());
    for service in services {
        if let Some(process) = process(state, *service) {
            process.signal(service.stop_signal());
        }
    }
    for service in services {
        let Some(process) = process(state, *service) else { continue };
        if !gone(&process) {
            eprintln!("{} does not stop, killing it", service.name());
            process.signal(Signal::KILL);
            anyhow::ensure!(gone(&process), "{} (process {}) cannot be killed", service.name(), process.pid);
        }
        state.change(*service, |known| known.process = None)?;
    }
    Ok(())
}

/// Waits until a process has ended, also when we are told to stop meanwhile.
fn gone(process: &Identity) -> bool {
    let began = tokio::time::Instant::now();
    while process.runs() {
        if began.elapsed() > STOP_LIMIT {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    true
}
