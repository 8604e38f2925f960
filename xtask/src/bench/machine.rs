//! The machine that a figure was taken on.

use crate::workspace;
use serde::Serialize;
use std::fmt;
use std::process::Command;

/// What a figure depends on and cannot be read off it.
#[derive(Serialize)]
pub(super) struct Machine {
    cpu: String,
    cores: usize,
    memory_mib: u64,
    kernel: String,
    /// Device and kind of the file system that holds the target directory.
    disk: String,
    /// Load average of the last minute, taken after the bench: a busy machine spoils figures.
    load: String,
}

impl Machine {
    /// Reads /proc; what is not there is called unknown.
    pub(super) fn read() -> anyhow::Result<Machine> {
        let proc = |name: &str| std::fs::read_to_string(format!("/proc/{name}")).unwrap_or_default();
        let unknown = || "unknown".to_owned();
        let memory = field(&proc("meminfo"), "MemTotal").and_then(|kib| kib.split(' ').next()?.parse::<u64>().ok());
        Ok(Machine {
            cpu: field(&proc("cpuinfo"), "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism()?.get(),
            memory_mib: memory.unwrap_or(0) / 1024,
            kernel: proc("sys/kernel/osrelease").trim().to_owned(),
            disk: disk().unwrap_or_else(unknown),
            load: proc("loadavg").split(' ').next().unwrap_or_default().to_owned(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cpu, cores, memory_mib, kernel, disk, load } = self;
        write!(f, "{cpu}, {cores} cores, {memory_mib} MiB, Linux {kernel}, disk {disk}, load {load}")
    }
}

/// The value of a line `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    let mut values = pairs.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned());
    values.next()
}

fn disk() -> Option<String> {
    let output = Command::new("df").args(["--output=source,fstype"]).arg(workspace::target()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.lines().nth(1)?.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "model\t\t: 85\nmodel name\t: Some CPU\nmodel name\t: Other";
        assert_eq!(field(text, "model name").as_deref(), Some("Some CPU"));
        assert_eq!(field(text, "name"), None);
    }
}
