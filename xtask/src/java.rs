//! Java: found on this machine, and how a server that runs in it starts quickly.

use crate::{process, programs, tools};
use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The oldest one that our servers run in.
const OLDEST: u32 = 17;
const PACKAGE: &str = "default-jre-headless";
/// Each server's heap: what developers and tests ask of them is little.
const HEAP: &str = "-Xmx256m";
/// Until a server must be usable, and until it must have written what it loaded.
const TRAINING_LIMIT: Duration = Duration::from_secs(120);

/// The Java of this machine.
pub(crate) struct Java {
    program: PathBuf,
    /// Such as `17.0.15`.
    version: String,
}

/// What a server is set up for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tuned {
    /// To be usable soon, for tests: never for a figure about load.
    ForStart,
    /// To do much for long.
    ForLoad,
}

impl Java {
    /// Finds it; the error names the command that installs it.
    pub(crate) fn find() -> anyhow::Result<Java> {
        let program = programs::find("java", PACKAGE)?;
        let output = Command::new(&program).arg("-version").stdin(Stdio::null()).output().context("cannot run java")?;
        let said = String::from_utf8_lossy(&output.stderr);
        let version = version(&said).with_context(|| format!("java says no version: {}", said.trim()))?;
        let major = major(version).with_context(|| format!("java says that its version is {version}"))?;
        ensure!(major >= OLDEST, "java is {version}, too old: {}", programs::install(PACKAGE));
        Ok(Java { version: version.to_owned(), program })
    }

    /// Its program.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The first flags of a server whose files are in this folder.
    pub(crate) fn flags(&self, folder: &Path, tuned: Tuned) -> Vec<String> {
        let mut flags = base_flags(tuned);
        // One that does not fit is ignored: then the start is slow, and nothing else.
        flags.push(format!("-XX:SharedArchiveFile={}", self.archive(folder).display()));
        flags
    }

    /// The classes that the server loads, as they stand in memory: half of the time of a start goes into them.
    fn archive(&self, folder: &Path) -> PathBuf {
        folder.join(format!("classes-{}.jsa", self.version))
    }

    /// Makes that archive unless it is there: starts the server once, as `serve` says, and ends it when it is usable.
    pub(crate) fn train(
        &self,
        name: &str,
        folder: &Path,
        serve: impl FnOnce(&mut Command) -> anyhow::Result<()>,
        is_usable: impl Fn() -> bool,
    ) -> anyhow::Result<()> {
        tools::once(&self.archive(folder), |half| {
            println!("{name}: a first start, to note which classes it loads");
            let log = folder.join("first-start.log");
            let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
            let mut command = process::ending_with_us(&self.program);
            command.args(base_flags(Tuned::ForStart)).arg(format!("-XX:ArchiveClassesAtExit={}", half.display()));
            serve(&mut command)?;
            command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
            let mut server = Killed(command.spawn().with_context(|| format!("cannot run {command:?}"))?);
            let mut ended = false;
            let usable = process::until(TRAINING_LIMIT, || {
                ended = server.0.try_wait()?.is_some();
                Ok(ended || is_usable())
            })?;
            ensure!(!process::interrupted(), "interrupted");
            ensure!(usable && !ended, "{name} does not start, see {}", log.display());
            let _gone_already = kill_process(Pid::from_child(&server.0), Signal::TERM);
            let ended = process::wait(&server.0, TRAINING_LIMIT)?;
            ensure!(ended && half.is_file(), "{name} does not note its classes, see {}", log.display());
            Ok(())
        })
    }
}

fn base_flags(tuned: Tuned) -> Vec<String> {
    let mut flags = vec![HEAP.to_owned(), "-XX:+UseSerialGC".to_owned()];
    flags.extend((tuned == Tuned::ForStart).then(|| "-XX:TieredStopAtLevel=1".to_owned()));
    flags
}

/// A process that does not outlive this.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _status = self.0.wait();
    }
}

/// The version in what `java -version` says: `openjdk version "17.0.15" 2025-04-15`.
fn version(said: &str) -> Option<&str> {
    let (_, quoted) = said.split_once("version \"")?;
    let (version, _) = quoted.split_once('"')?;
    version.chars().all(|c| c.is_ascii_alphanumeric() || "._-+".contains(c)).then_some(version)
}

/// `17.0.15` is 17, `1.8.0_452` is 8.
fn major(version: &str) -> Option<u32> {
    let new = version.strip_prefix("1.").unwrap_or(version);
    new.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_java_says_them() {
        let said = "Picked up JAVA_TOOL_OPTIONS: -Xint\nopenjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime\n";
        assert_eq!(version(said), Some("17.0.15"));
        assert_eq!(version("no java"), None);
        assert_eq!(version("version \"../17\""), None, "it becomes a file's name");
        assert_eq!(
            ["17.0.15", "21-ea", "1.8.0_452", "25", "x"].map(major),
            [Some(17), Some(21), Some(8), Some(25), None]
        );
    }
}
