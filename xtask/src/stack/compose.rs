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
    let wanted = state.wanted();
    let (there, new): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|service| running.contains(service));
    for service in &new {
        state.port_to_start(*service)?;
    }
    let names = |services: &[Service]| services.iter().map(|service| service.name()).collect::<Vec<_>>();
    let up = ["up", "--detach", "--wait", "--wait-timeout", "300"];
    let outcome = compose(state, &[&up, &names(&there)[..], &names(&new)[..]].concat());
    if outcome.is_err() {
        compose(state, &[&["stop"], &names(&new)[..]].concat())?;
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
    Ok(state.wanted().into_iter().filter(healthy).collect())
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
            docker.env(service.port_variable(), known.port.to_string());
        }
    }
    if state.kafka_nodes() == 3 {
        docker.env("COMPOSE_PROFILES", "kafka-nodes-3");
        docker.env("VELOX_STACK_KAFKA_VOTERS", "1@kafka:9093,2@kafka-2:9093,3@kafka-3:9093");
        docker.env("VELOX_STACK_KAFKA_COPIES", "3").env("VELOX_STACK_KAFKA_ENOUGH_COPIES", "2");
    }
    docker
}
