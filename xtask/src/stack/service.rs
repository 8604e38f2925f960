//! The services of the stack. To add one: a variant here, a file that says how it starts natively, a service of the
//! same name in `deploy/compose/stack.yml`.

use super::{postgres, redis};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::Command;

/// A server that velox may use. They start in this order and stop in the opposite one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Service {
    /// The store.
    Postgres,
    /// Caches and limits that gateways share.
    Redis,
}

impl Service {
    pub(super) const ALL: [Service; 2] = [Service::Postgres, Service::Redis];

    /// As it is called at the command line, in the compose file, and as a folder.
    pub(super) fn name(self) -> &'static str {
        match self {
            Service::Postgres => "postgres",
            Service::Redis => "redis",
        }
    }

    /// Where it keeps its data when it runs natively.
    pub(super) fn data_folder(self) -> anyhow::Result<std::path::PathBuf> {
        match self {
            Service::Postgres => postgres::data_folder(),
            Service::Redis => Ok(super::folder().join(self.name())),
        }
    }

    /// The command that serves natively, on data that it makes when there are none.
    pub(super) fn command(self, data: &Path, port: u16) -> anyhow::Result<Command> {
        match self {
            Service::Postgres => postgres::command(data, port),
            Service::Redis => redis::command(data, port),
        }
    }

    /// The signal that ends it in good order, also while clients are connected.
    pub(super) fn stop_signal(self) -> Signal {
        match self {
            Service::Postgres => Signal::INT,
            Service::Redis => Signal::TERM,
        }
    }

    /// Whether it does what it is there for, asked as a client asks.
    pub(super) fn is_usable(self, port: u16) -> bool {
        match self {
            Service::Postgres => postgres::is_usable(port),
            Service::Redis => redis::is_usable(port),
        }
    }

    /// The variable that tells velox where it is, and its value.
    pub(super) fn variable(self, port: u16) -> (&'static str, String) {
        match self {
            Service::Postgres => ("VELOX_DATABASE_URL", format!("postgres://velox:velox@127.0.0.1:{port}/velox")),
            Service::Redis => ("VELOX_REDIS_URL", format!("redis://127.0.0.1:{port}")),
        }
    }
}
