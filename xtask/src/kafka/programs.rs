//! [`Programs`]: what runs the servers of a folder.

use super::broker;
use super::install::Installation;
use super::layout::{Layout, Name};
use super::registry::Registry;
use crate::java::Tuned;
use crate::process;
use anyhow::Context;
use std::path::Path;
use std::process::Command;

/// Those that are needed.
pub(super) struct Programs {
    kafka: Option<Installation>,
    registry: Option<Registry>,
}

impl Programs {
    /// Finds those that are needed; the first time, on this clone, fetches them.
    pub(super) fn prepare(kafka: bool, registry: bool) -> anyhow::Result<Programs> {
        Ok(Programs {
            kafka: kafka.then(Installation::prepare).transpose()?,
            registry: registry.then(Registry::prepare).transpose()?,
        })
    }

    /// The command of one server of a folder, which ends with us. Brokers have data there, a registry when they stay.
    pub(super) fn command(
        &self,
        name: Name,
        folder: &Path,
        layout: &Layout,
        settings: &[String],
        stays: bool,
    ) -> anyhow::Result<Command> {
        let data = folder.join(name.to_string());
        match name {
            Name::Broker(number) => {
                let kafka = self.kafka.as_ref().context("Kafka was not prepared")?;
                let java = process::ending_with_us(kafka.java());
                broker::command(kafka, java, number, layout, &data, (Tuned::ForStart, settings))
            }
            Name::Registry => {
                let registry = self.registry.as_ref().context("the Schema Registry was not prepared")?;
                let java = process::ending_with_us(registry.java());
                Ok(registry.command(java, stays.then_some(data.as_path()), layout.registry, Tuned::ForStart))
            }
        }
    }
}
