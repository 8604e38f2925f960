//! What the steps share: started by the first that needs it, stopped after the last.

use super::python;
use crate::postgres::{Cluster, DURABLE_URL, Durability, URL};
use std::path::PathBuf;

/// Servers that run, and the reason of those that do not: nothing is tried twice.
#[derive(Default)]
pub(super) struct Servers {
    postgres: Option<Result<Cluster, String>>,
    durable_postgres: Option<Result<Cluster, String>>,
    python: Option<Result<PathBuf, String>>,
}

impl Servers {
    /// The variables of a PostgreSQL without syncs.
    pub(super) fn postgres(&mut self) -> anyhow::Result<Vec<(&'static str, String)>> {
        once(&mut self.postgres, || Cluster::start(Durability::Volatile)).map(|server| server.variables(URL))
    }

    /// The variables of a PostgreSQL that syncs.
    pub(super) fn durable_postgres(&mut self) -> anyhow::Result<Vec<(&'static str, String)>> {
        once(&mut self.durable_postgres, || Cluster::start(Durability::Synced))
            .map(|server| server.variables(DURABLE_URL))
    }

    /// The folder of the virtual environment.
    pub(super) fn python(&mut self) -> anyhow::Result<PathBuf> {
        once(&mut self.python, python::prepare).cloned()
    }
}

fn once<T>(slot: &mut Option<Result<T, String>>, make: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<&T> {
    let made = slot.get_or_insert_with(|| make().map_err(|error| format!("{error:#}")));
    made.as_ref().map_err(|reason| anyhow::anyhow!(reason.clone()))
}
