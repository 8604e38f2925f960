//! Which servers there are, and on which ports: chosen once for a folder, so that one that was killed comes back where
//! it was.

use crate::{ports, tools};
use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::str::FromStr;

/// The ports of all servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layout {
    /// Of the brokers, in the order of their numbers.
    pub(crate) brokers: Vec<Ports>,
    /// Of the Schema Registry, should there be one.
    pub(crate) registry: u16,
}

/// The ports of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ports {
    /// For clients and the other brokers.
    pub(crate) clients: u16,
    /// For the controllers, who agree about the cluster among themselves.
    pub(crate) controllers: u16,
}

/// Which server. Brokers are numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Broker(u16),
    Registry,
}

impl Layout {
    /// On free ports.
    pub(crate) fn free(nodes: u16) -> anyhow::Result<Layout> {
        let ports = ports::free(2 * nodes + 1)?;
        let (registry, ports) = ports.split_first().context("no port is free")?;
        let brokers = ports.chunks_exact(2).map(|pair| Ports { clients: pair[0], controllers: pair[1] });
        Ok(Layout { brokers: brokers.collect(), registry: *registry })
    }

    /// The one of a folder, chosen now if there is none: so many brokers (one, when nothing is said), the first on this
    /// port. A word that contradicts what was chosen before is an error.
    pub(crate) fn of(folder: &Path, nodes: Option<u16>, port: Option<u16>) -> anyhow::Result<Layout> {
        let file = folder.join("ports.json");
        tools::once(&file, |half| {
            let mut layout = Layout::free(nodes.unwrap_or(1))?;
            if let (Some(port), Some(first)) = (port, layout.brokers.first_mut()) {
                first.clients = port;
            }
            Ok(std::fs::write(half, serde_json::to_vec_pretty(&layout)?)?)
        })?;
        let text = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let layout: Layout = serde_json::from_slice(&text).with_context(|| format!("{} is damaged", file.display()))?;
        let (has, first) = (layout.brokers.len(), layout.brokers.first().map(|ports| ports.clients));
        ensure!(nodes.is_none_or(|wanted| usize::from(wanted) == has), "{}: {has} brokers", folder.display());
        ensure!(port.is_none() || port == first, "{}: the first port is {}", folder.display(), first.unwrap_or(0));
        Ok(layout)
    }

    /// How many brokers.
    pub(crate) fn nodes(&self) -> u16 {
        u16::try_from(self.brokers.len()).unwrap_or(u16::MAX)
    }

    /// Where clients find the brokers.
    pub(crate) fn addresses(&self) -> String {
        let addresses: Vec<_> = self.brokers.iter().map(|ports| format!("127.0.0.1:{}", ports.clients)).collect();
        addresses.join(",")
    }

    /// A broker's ports.
    pub(crate) fn broker(&self, number: u16) -> anyhow::Result<Ports> {
        let place = usize::from(number).checked_sub(1).and_then(|place| self.brokers.get(place));
        place.copied().with_context(|| format!("there are {} brokers", self.brokers.len()))
    }

    /// Where a server's clients find it.
    pub(crate) fn port(&self, name: Name) -> anyhow::Result<u16> {
        Ok(match name {
            Name::Broker(number) => self.broker(number)?.clients,
            Name::Registry => self.registry,
        })
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Name::Broker(number) => write!(to, "broker-{number}"),
            Name::Registry => write!(to, "registry"),
        }
    }
}

impl FromStr for Name {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Name> {
        if name == "registry" {
            return Ok(Name::Registry);
        }
        let number = name.strip_prefix("broker-").and_then(|number| number.parse().ok());
        number.map(Name::Broker).context("broker-1, broker-2, … or registry")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in [Name::Broker(1), Name::Broker(3), Name::Registry] {
            assert_eq!(name.to_string().parse::<Name>().unwrap(), name);
        }
        assert!("broker-".parse::<Name>().is_err() && "zookeeper".parse::<Name>().is_err());
    }

    #[test]
    fn a_folder_keeps_its_ports_and_nothing_contradicts_them() {
        let folder = std::env::temp_dir().join(format!("velox-xtask-layout-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let first = Layout::of(&folder, Some(3), Some(4711)).unwrap();
        assert_eq!((first.nodes(), first.broker(1).unwrap().clients), (3, 4711));
        assert!(first.addresses().starts_with("127.0.0.1:4711,127.0.0.1:"));
        assert_eq!(Layout::of(&folder, None, None).unwrap(), first);
        assert_eq!(Layout::of(&folder, Some(3), Some(4711)).unwrap(), first);
        assert!(Layout::of(&folder, Some(1), None).is_err() && Layout::of(&folder, None, Some(4712)).is_err());
        assert!(first.broker(0).is_err() && first.broker(4).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
