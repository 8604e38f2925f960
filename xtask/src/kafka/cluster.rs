//! Brokers, and perhaps a Schema Registry, that belong together and to us.

use super::layout::{Layout, Name};
use super::programs::Programs;
use super::server::Server;
use super::{BROKERS, REGISTRY, protocol, registry, scratch};
use crate::{leftovers, process};
use anyhow::{Context, bail};
use rustix::process::Signal;
use std::path::PathBuf;
use std::time::Duration;

/// Until all must be usable; a busy machine needs a while.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Until one must have ended that keeps its data. Three that end together need about seven seconds; one that is the last
/// of three waits for others in vain, and being killed loses nothing that it acknowledged.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// A free port may be taken between our look and its start.
const PORT_TRIES: u32 = 5;

/// What is to be started.
#[derive(Default)]
pub(crate) struct Wish {
    /// How many brokers: one, or as many as there are in the folder.
    pub(crate) nodes: Option<u16>,
    pub(crate) registry: bool,
    /// Where the data stay; without it they are thrown away.
    pub(crate) data: Option<PathBuf>,
    /// Of the first broker.
    pub(crate) port: Option<u16>,
    /// Of each broker, as `name=value`.
    pub(crate) settings: Vec<String>,
}

/// Running servers. Dropping it stops them, and throws their data away unless they stay.
pub(crate) struct Cluster {
    programs: Programs,
    layout: Layout,
    names: Vec<Name>,
    servers: Vec<Server>,
    settings: Vec<String>,
    folder: PathBuf,
    stays: bool,
    usable: bool,
}

impl Cluster {
    /// Starts the processes. They are usable after [`Cluster::wait`]. What must be fetched the first time is fetched here.
    pub(crate) fn begin(wish: &Wish) -> anyhow::Result<Cluster> {
        let programs = Programs::prepare(true, wish.registry)?;
        let (folder, layout) = match &wish.data {
            Some(folder) => {
                std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
                let folder = folder.canonicalize()?;
                let layout = Layout::of(&folder, wish.nodes, wish.port)?;
                (folder, layout)
            }
            None => (leftovers::folder(&scratch(), "thrown-away")?, Layout::free(wish.nodes.unwrap_or(1))?),
        };
        let mut names: Vec<_> = (1..=layout.nodes()).map(Name::Broker).collect();
        names.extend(wish.registry.then_some(Name::Registry));
        let (settings, stays) = (wish.settings.clone(), wish.data.is_some());
        let mut cluster =
            Cluster { programs, layout, names, servers: Vec::new(), settings, folder, stays, usable: false };
        cluster.start()?;
        Ok(cluster)
    }

    fn start(&mut self) -> anyhow::Result<()> {
        for name in self.names.clone() {
            let mut command = self.programs.command(name, &self.folder, &self.layout, &self.settings, self.stays)?;
            let server = Server::start(name, self.layout.port(name)?, &self.folder, &mut command)?;
            self.servers.push(server);
        }
        Ok(())
    }

    /// Waits until all are usable: each broker knows all the others, the registry tells its subjects and takes nothing
    /// that is not compatible. When somebody else took a port meanwhile, those that are thrown away start on others.
    pub(crate) fn wait(&mut self) -> anyhow::Result<()> {
        let mut tries = 1;
        while !self.usable {
            let Some((name, trouble, log)) = self.watch()? else {
                if self.names.contains(&Name::Registry) {
                    registry::demand_compatibility(self.layout.registry)?;
                }
                self.usable = true;
                break;
            };
            let taken = || std::fs::read_to_string(&log).is_ok_and(|log| says_port_taken(&log));
            if self.stays || tries == PORT_TRIES || !taken() {
                bail!("{name} {trouble}, see {}", log.display());
            }
            tries += 1;
            self.throw_away();
            for name in &self.names {
                // What it says is of the try before.
                std::fs::remove_file(self.folder.join(format!("{name}.log")))?;
            }
            self.layout = Layout::free(self.layout.nodes())?;
            self.start()?;
        }
        Ok(())
    }

    /// Who has trouble, of which kind, and where its log is; `None` when all are usable.
    fn watch(&mut self) -> anyhow::Result<Option<(Name, &'static str, PathBuf)>> {
        let everybody: Vec<i32> = (1..=self.layout.nodes()).map(i32::from).collect();
        let mut trouble = None;
        process::until(START_LIMIT, || {
            trouble = None;
            for server in &mut self.servers {
                if server.ended()?.is_some() {
                    trouble = Some((server.name, "ended at once", server.log.clone()));
                    return Ok(true);
                }
            }
            let missing = self.servers.iter().find(|server| !is_usable(server, &everybody));
            trouble = missing.map(|server| (server.name, "is not usable after two minutes", server.log.clone()));
            Ok(trouble.is_none())
        })?;
        if process::interrupted() {
            bail!("interrupted");
        }
        Ok(trouble)
    }

    /// What a command is told: where the brokers and the registry are.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let registry = self.names.contains(&Name::Registry).then(|| (REGISTRY, registry::url(self.layout.registry)));
        std::iter::once((BROKERS, self.layout.addresses())).chain(registry).collect()
    }

    /// A line for each server, for whoever wants to kill it.
    pub(super) fn processes(&self) -> impl Iterator<Item = String> {
        self.servers.iter().map(|server| format!("{} pid={} port={}", server.name, server.pid(), server.port))
    }

    /// Says once of each server that it ended; true when all have.
    pub(super) fn tell_who_ended(&mut self) -> bool {
        let mut running = false;
        self.servers.retain_mut(|server| match server.ended() {
            Ok(None) => {
                running = true;
                true
            }
            Ok(Some(status)) => {
                println!("{} ended: {status}", server.name);
                false
            }
            Err(_) => false,
        });
        !running
    }

    /// Kills them all, and deletes what they kept.
    fn throw_away(&mut self) {
        self.stop(Signal::KILL);
        for name in &self.names {
            let _registry_has_none = std::fs::remove_dir_all(self.folder.join(name.to_string()));
        }
    }

    fn stop(&mut self, signal: Signal) {
        // Together: the last one would wait in vain for others to agree that it may go.
        for server in &mut self.servers {
            server.signal(signal);
        }
        for mut server in self.servers.drain(..) {
            server.end(STOP_LIMIT);
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.stays {
            self.stop(Signal::TERM);
        } else {
            self.throw_away();
        }
    }
}

fn is_usable(server: &Server, everybody: &[i32]) -> bool {
    match server.name {
        Name::Broker(_) => {
            protocol::brokers(server.port).is_ok_and(|known| everybody.iter().all(|one| known.contains(one)))
        }
        Name::Registry => registry::is_usable(server.port),
    }
}

/// As Kafka, and as the registry, says it.
fn says_port_taken(log: &str) -> bool {
    log.contains("Address already in use") || log.contains("seems to be in use by another process")
}
