//! What is remembered between two commands: who runs the services, on which ports, as which processes.

use super::identity::Identity;
use super::service::Service;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
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
    services: BTreeMap<Service, Remembered>,
}

/// What is remembered of a service.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Remembered {
    /// Its port on 127.0.0.1, the same at each start while it is free.
    pub(super) port: u16,
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

    pub(super) fn service(&self, service: Service) -> Option<&Remembered> {
        self.kept.services.get(&service)
    }

    /// A service's port: the one it had, unless somebody else has it now, or a free one.
    pub(super) fn port_to_start(&mut self, service: Service) -> anyhow::Result<u16> {
        let had = self.service(service).map(|known| known.port);
        if let Some(port) = had
            && TcpListener::bind(("127.0.0.1", port)).is_ok()
        {
            return Ok(port);
        }
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        if let Some(had) = had {
            println!("{}: somebody else has port {had}, it is on {port} from now on", service.name());
        }
        self.change(service, |known| known.port = port)?;
        Ok(port)
    }

    /// Changes what is known of a service, and writes it down at once.
    pub(super) fn change(&mut self, service: Service, change: impl FnOnce(&mut Remembered)) -> anyhow::Result<()> {
        let new = Remembered { port: 0, data: None, process: None };
        change(self.kept.services.entry(service).or_insert(new));
        self.write()
    }

    /// Forgets who ran the services and on which data; their ports stay.
    pub(super) fn forget(&mut self) -> anyhow::Result<()> {
        self.kept.engine = None;
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

fn path() -> PathBuf {
    super::folder().join("state.json")
}
