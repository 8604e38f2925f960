//! The services of the stack. To add one: a variant here, a file that says how it starts natively, a service of the
//! same name in `deploy/compose/stack.yml`.

use super::state::State;
use super::{kafka, postgres, redis, registry};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A server that velox may use. They start in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Service {
    /// The store.
    Postgres,
    /// Limits that gateways share, and signals between them.
    Redis,
    /// The first broker of the bus.
    Kafka,
    /// The second of three brokers.
    #[serde(rename = "kafka-2")]
    #[value(name = "kafka-2")]
    Kafka2,
    /// The third of three brokers.
    #[serde(rename = "kafka-3")]
    #[value(name = "kafka-3")]
    Kafka3,
    /// The schemas of what is on the bus.
    Registry,
}

impl Service {
    pub(super) const ALL: [Service; 6] =
        [Service::Postgres, Service::Redis, Service::Kafka, Service::Kafka2, Service::Kafka3, Service::Registry];

    /// As it is called at the command line, in the compose file, and as a folder.
    pub(super) fn name(self) -> &'static str {
        match self {
            Service::Postgres => "postgres",
            Service::Redis => "redis",
            Service::Kafka => "kafka",
            Service::Kafka2 => "kafka-2",
            Service::Kafka3 => "kafka-3",
            Service::Registry => "registry",
        }
    }

    /// The variable of the compose file that says on which port of this machine it is.
    pub(super) fn port_variable(self) -> String {
        format!("VELOX_STACK_{}_PORT", self.name().replace('-', "_").to_uppercase())
    }

    /// The number of a broker.
    pub(super) fn broker(self) -> Option<u16> {
        match self {
            Service::Kafka => Some(1),
            Service::Kafka2 => Some(2),
            Service::Kafka3 => Some(3),
            Service::Postgres | Service::Redis | Service::Registry => None,
        }
    }

    /// Where it keeps its data when it runs natively.
    pub(super) fn data_folder(self) -> anyhow::Result<PathBuf> {
        match self {
            Service::Postgres => postgres::data_folder(),
            _ => Ok(super::folder().join(self.name())),
        }
    }

    /// The command that serves natively, on data that it makes when there are none.
    pub(super) fn command(self, state: &State, data: &Path, port: u16) -> anyhow::Result<Command> {
        match self {
            Service::Postgres => postgres::command(data, port),
            Service::Redis => redis::command(data, port),
            Service::Kafka | Service::Kafka2 | Service::Kafka3 => kafka::command(self, state, data),
            Service::Registry => registry::command(data, port),
        }
    }

    /// The signal that ends it in good order, also while clients are connected.
    pub(super) fn stop_signal(self) -> Signal {
        match self {
            Service::Postgres => Signal::INT,
            _ => Signal::TERM,
        }
    }

    /// Whether it does what it is there for, asked as a client asks.
    pub(super) fn is_usable(self, port: u16) -> bool {
        match self {
            Service::Postgres => postgres::is_usable(port),
            Service::Redis => redis::is_usable(port),
            Service::Kafka | Service::Kafka2 | Service::Kafka3 => kafka::is_usable(self, port),
            Service::Registry => registry::is_usable(port),
        }
    }

    /// What is done once it is usable, each time that it was started.
    pub(super) fn settle(self, port: u16) -> anyhow::Result<()> {
        match self {
            Service::Registry => registry::settle(port),
            _ => Ok(()),
        }
    }

    /// The variable that tells velox where it is, and its value, for those that are told one by one.
    pub(super) fn variable(self, port: u16) -> Option<(&'static str, String)> {
        match self {
            Service::Postgres => Some(("VELOX_DATABASE_URL", format!("postgres://velox:velox@127.0.0.1:{port}/velox"))),
            Service::Redis => Some(("VELOX_REDIS_URL", format!("redis://127.0.0.1:{port}"))),
            Service::Kafka | Service::Kafka2 | Service::Kafka3 | Service::Registry => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_one_name_everywhere() {
        let file = crate::workspace::root().join("deploy/compose/stack.yml");
        let compose = std::fs::read_to_string(file).unwrap();
        for service in Service::ALL {
            let (name, port) = (service.name(), service.port_variable());
            assert_eq!(serde_json::to_value(service).unwrap(), name);
            let argument = clap::ValueEnum::to_possible_value(&service).unwrap();
            assert_eq!(argument.get_name(), name);
            assert!(compose.contains(&format!("\n  {name}:\n")), "{name} is no service of the compose file");
            assert!(compose.contains(&format!("127.0.0.1:${{{port}:-")), "the compose file does not know {port}");
        }
    }
}
