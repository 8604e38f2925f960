//! Kafka of the stack: one broker or three, and what velox and tests are told of it.

use super::service::Service;
use super::state::State;
use crate::java::Tuned;
use crate::kafka::{self, Installation, Layout, Ports, broker, registry};
use anyhow::Context;
use std::path::Path;
use std::process::Command;

/// How many brokers there are when nobody says it.
pub(super) const NODES: u16 = 1;

/// The brokers of a stack with so many.
pub(super) fn brokers(nodes: u16) -> impl Iterator<Item = Service> {
    Service::ALL.into_iter().filter(move |service| service.broker().is_some_and(|number| number <= nodes))
}

pub(super) fn command(service: Service, state: &State, data: &Path) -> anyhow::Result<Command> {
    let kafka = Installation::prepare()?;
    let number = service.broker().context("no broker")?;
    let java = Command::new(kafka.java());
    broker::command(&kafka, java, number, &layout(state)?, data, (Tuned::ForLoad, &[]))
}

pub(super) fn is_usable(service: Service, port: u16) -> bool {
    service.broker().is_some_and(|number| kafka::is_usable(number, port))
}

fn layout(state: &State) -> anyhow::Result<Layout> {
    let ports = |service: Service| {
        let known = state.service(service)?;
        Some(Ports { clients: known.port, controllers: known.controllers? })
    };
    let brokers: Option<_> = brokers(state.kafka_nodes()).map(ports).collect();
    Ok(Layout { brokers: brokers.context("a broker has no ports")?, registry: 0 })
}

/// Where the brokers are, separated by commas, and where the registry is; `None` for what the stack does not have.
fn addresses(state: &State) -> (Option<String>, Option<String>) {
    let wanted = state.wanted();
    let port = |service: Service| wanted.contains(&service).then(|| state.service(service)).flatten().map(|it| it.port);
    let brokers: Vec<_> =
        brokers(state.kafka_nodes()).filter_map(port).map(|port| format!("127.0.0.1:{port}")).collect();
    ((!brokers.is_empty()).then(|| brokers.join(",")), port(Service::Registry).map(registry::url))
}

/// The variables for tests that want Kafka.
pub(super) fn test_variables(state: &State) -> impl Iterator<Item = (&'static str, String)> {
    named(state, kafka::BROKERS, kafka::REGISTRY)
}

/// The variables that tell velox where Kafka and the registry are.
pub(super) fn variables(state: &State) -> impl Iterator<Item = (&'static str, String)> {
    named(state, "VELOX_KAFKA_BROKERS", "VELOX_KAFKA_REGISTRY_URL")
}

fn named(
    state: &State,
    brokers: &'static str,
    registry: &'static str,
) -> impl Iterator<Item = (&'static str, String)> + use<> {
    let (brokers_at, registry_at) = addresses(state);
    let named = [(brokers, brokers_at), (registry, registry_at)];
    named.into_iter().filter_map(|(name, value)| Some((name, value?)))
}
