//! The stack as containers, by `deploy/compose/stack.yml`.

use super::service::Service;
use super::state::State;
use crate::workspace;
use anyhow::{Context, ensure};
use std::process::{Command, Stdio};

/// Whether an engine runs here and Compose is there.
pub(super) fn is_here() -> bool {
    let works = |args: &[&str]| {
        let mut docker = Command::new("docker");
        let silent = docker.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        silent.status().is_ok_and(|status| status.success())
    };
    works(&["compose", "version"]) && works(&["info"])
}

/// Starts what does not run, and waits until all are healthy; what was started is stopped again when one is not.
pub(super) fn up(state: &mut State) -> anyhow::Result<()> {
    let running = running(state)?;
    for service in Service::ALL.into_iter().filter(|service| !running.contains(service)) {
        state.port_to_start(service)?;
    }
    let outcome = compose(state, &["up", "--detach", "--wait", "--wait-timeout", "300"]);
    if outcome.is_err() {
        let started: Vec<_> = Service::ALL.iter().filter(|service| !running.contains(service)).collect();
        let names: Vec<_> = started.iter().map(|service| service.name()).collect();
        compose(state, &[&["stop"], &names[..]].concat())?;
    }
    outcome
}

/// Stops the containers; their data stay.
pub(super) fn down(state: &State) -> anyhow::Result<()> {
    compose(state, &["down"])
}

/// Stops the containers and deletes their data.
pub(super) fn delete(state: &State) -> anyhow::Result<()> {
    compose(state, &["down", "--volumes"])
}

/// The services whose containers run and are healthy, as the checks in the file say.
pub(super) fn running(state: &State) -> anyhow::Result<Vec<Service>> {
    let mut docker = command(state, &["ps", "--format", "{{.Service}} {{.Health}}"]);
    let output = docker.output().context("cannot run docker")?;
    ensure!(output.status.success(), "docker compose ps: {}", String::from_utf8_lossy(&output.stderr).trim());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let healthy = |service: &Service| said.lines().any(|line| line == format!("{} healthy", service.name()));
    Ok(Service::ALL.into_iter().filter(healthy).collect())
}

/// The command that follows or shows the containers' output.
pub(super) fn logs(state: &State, service: Option<Service>, follow: bool) -> Command {
    let mut docker = command(state, &["logs", "--tail", "200"]);
    docker.args(follow.then_some("--follow")).args(service.map(Service::name));
    docker
}

fn compose(state: &State, args: &[&str]) -> anyhow::Result<()> {
    let status = command(state, args).stdin(Stdio::null()).status().context("cannot run docker")?;
    ensure!(status.success(), "`docker compose {}` failed", args.join(" "));
    Ok(())
}

fn command(state: &State, args: &[&str]) -> Command {
    let mut docker = Command::new("docker");
    docker.args(["compose", "--project-name", &format!("velox-{}", super::slug()), "--file"]);
    docker.arg(workspace::root().join("deploy/compose/stack.yml")).args(args);
    for service in Service::ALL {
        if let Some(known) = state.service(service) {
            docker.env(format!("VELOX_STACK_{}_PORT", service.name().to_uppercase()), known.port.to_string());
        }
    }
    docker
}
