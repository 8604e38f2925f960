//! What is remembered between two commands: who runs the services, on which ports, as which processes.

use super::identity::Identity;
use super::kafka;
use super::service::Service;
use crate::ports;
use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

/// Who runs the services.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Engine {
    /// Docker Compose.
    Compose,
    /// We do, as processes.
    Native,
}

/// Everything that is remembered. It holds a lock: two commands do not act at the same time.
pub(super) struct State {
    kept: Kept,
    _lock: File,
}

#[derive(Default, Serialize, Deserialize)]
struct Kept {
    engine: Option<Engine>,
    /// What was asked for; empty is everything.
    #[serde(default)]
    wanted: BTreeSet<Service>,
    /// How many brokers; decided at the first start.
    #[serde(default)]
    kafka_nodes: Option<u16>,
    services: BTreeMap<Service, Remembered>,
}

/// What is remembered of a service.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Remembered {
    /// Its port on 127.0.0.1, the same at each start while it is free.
    pub(super) port: u16,
    /// A native broker's second port, for the controllers.
    #[serde(default)]
    pub(super) controllers: Option<u16>,
    /// Where a native one keeps its data.
    pub(super) data: Option<PathBuf>,
    /// A native one's first process, until it was stopped.
    pub(super) process: Option<Identity>,
}

impl State {
    /// Reads it, when no other command is at work.
    pub(super) fn open() -> anyhow::Result<State> {
        let folder = super::folder();
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let lock = File::create(folder.join("lock"))?;
        if lock.try_lock().is_err() {
            eprintln!("waiting for another `cargo xtask stack`");
            lock.lock()?;
        }
        let kept = match std::fs::read(path()) {
            Ok(text) => serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path().display()))?,
            Err(_) => Kept::default(),
        };
        Ok(State { kept, _lock: lock })
    }

    /// Who runs the services: decided at the first start, forgotten by [`State::forget`].
    pub(super) fn engine(&self) -> Option<Engine> {
        self.kept.engine
    }

    pub(super) fn set_engine(&mut self, engine: Engine) -> anyhow::Result<()> {
        self.kept.engine = Some(engine);
        self.write()
    }

    /// The services of this stack, in the order in which they start.
    pub(super) fn wanted(&self) -> Vec<Service> {
        let nodes = self.kafka_nodes();
        let is_wanted = |service: &Service| {
            let is_there = service.broker().is_none_or(|number| number <= nodes);
            is_there && (self.kept.wanted.is_empty() || self.kept.wanted.contains(&asked_for(*service)))
        };
        Service::ALL.into_iter().filter(is_wanted).collect()
    }

    /// Adds services to those of this stack. Named at its first start, they are all that it has.
    pub(super) fn want(&mut self, services: &[Service]) -> anyhow::Result<()> {
        let has_all = self.kept.wanted.is_empty() && self.kept.engine.is_some();
        if !has_all {
            self.kept.wanted.extend(services.iter().copied().map(asked_for));
        }
        self.write()
    }

    /// How many brokers there are.
    pub(super) fn kafka_nodes(&self) -> u16 {
        self.kept.kafka_nodes.unwrap_or(kafka::NODES)
    }

    /// Decides how many brokers there are: once, since data of one do not become data of three.
    pub(super) fn set_kafka_nodes(&mut self, wanted: Option<u16>) -> anyhow::Result<()> {
        let has = self.kept.kafka_nodes;
        let fits = has.is_none() || wanted.is_none() || has == wanted;
        ensure!(fits, "brokers: {}. Another number needs new data: stack reset --kafka-nodes N", self.kafka_nodes());
        let is_wanted = self.wanted().contains(&Service::Kafka);
        self.kept.kafka_nodes = has.or(wanted).or(is_wanted.then_some(kafka::NODES));
        self.write()
    }

    pub(super) fn service(&self, service: Service) -> Option<&Remembered> {
        self.kept.services.get(&service)
    }

    /// A service's port: the one it had, unless somebody else has it now, or a free one.
    pub(super) fn port_to_start(&mut self, service: Service) -> anyhow::Result<u16> {
        let had = self.service(service).map(|known| known.port);
        let port = self.free_or_other(service, had)?;
        self.change(service, |known| known.port = port)?;
        Ok(port)
    }

    /// A native broker's second port, in the same way.
    pub(super) fn controllers_port_to_start(&mut self, service: Service) -> anyhow::Result<u16> {
        let had = self.service(service).and_then(|known| known.controllers);
        let port = self.free_or_other(service, had)?;
        self.change(service, |known| known.controllers = Some(port))?;
        Ok(port)
    }

    /// The port that a service had, when nobody has it now, or a free one that none of ours had.
    fn free_or_other(&self, service: Service, had: Option<u16>) -> anyhow::Result<u16> {
        if let Some(port) = had
            && ports::is_free(port)?
        {
            return Ok(port);
        }
        let ours: Vec<_> =
            self.kept.services.values().flat_map(|known| known.controllers.into_iter().chain([known.port])).collect();
        let free = ports::free(u16::try_from(ours.len())? + 1)?;
        let port = free.into_iter().find(|port| !ours.contains(port)).context("no port is free")?;
        if let Some(had) = had {
            println!("{}: somebody else has port {had}, it is on {port} from now on", service.name());
        }
        Ok(port)
    }

    /// Changes what is known of a service, and writes it down at once.
    pub(super) fn change(&mut self, service: Service, change: impl FnOnce(&mut Remembered)) -> anyhow::Result<()> {
        let new = Remembered { port: 0, controllers: None, data: None, process: None };
        change(self.kept.services.entry(service).or_insert(new));
        self.write()
    }

    /// Forgets who ran the services and on which data; what they were, and their ports, stay, unless others are named.
    pub(super) fn forget(&mut self, services: &[Service], kafka_nodes: Option<u16>) -> anyhow::Result<()> {
        self.kept.engine = None;
        if !services.is_empty() {
            self.kept.wanted.clear();
        }
        if kafka_nodes.is_some() {
            self.kept.kafka_nodes = None;
        }
        for known in self.kept.services.values_mut() {
            (known.data, known.process) = (None, None);
        }
        self.write()
    }

    /// Whole or not at all: whoever is killed leaves what was known before.
    fn write(&self) -> anyhow::Result<()> {
        let half = path().with_extension("half");
        std::fs::write(&half, serde_json::to_vec_pretty(&self.kept)?)?;
        Ok(std::fs::rename(&half, path())?)
    }
}

/// The service that brings this one: other brokers come and go with the first.
fn asked_for(service: Service) -> Service {
    if service.broker().is_some() { Service::Kafka } else { service }
}

fn path() -> PathBuf {
    super::folder().join("state.json")
}
