//! The Schema Registry of the stack: ids that stay with their schemas.

use crate::java::Tuned;
use crate::kafka::registry::{self, Registry};
use std::path::Path;
use std::process::Command;

pub(super) fn command(data: &Path, port: u16) -> anyhow::Result<Command> {
    let registry = Registry::prepare()?;
    let java = Command::new(registry.java());
    Ok(registry.command(java, Some(data), port, Tuned::ForStart))
}

pub(super) fn is_usable(port: u16) -> bool {
    registry::is_usable(port)
}

/// It begins without a rule.
pub(super) fn settle(port: u16) -> anyhow::Result<()> {
    registry::demand_compatibility(port)
}
