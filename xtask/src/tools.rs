//! Programs that no package of the system brings: fetched or built once, kept under the target directory.

use crate::{process, workspace};
use anyhow::{Context, bail};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another xtask of this clone may take to make what we need.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// The folder of a tool, made by the first who needs it, whole or not at all: `make` fills an empty folder. Later no
/// network is needed.
pub(crate) fn prepare(name: &str, make: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<PathBuf> {
    let tools = workspace::scratch().join("tools");
    std::fs::create_dir_all(&tools).with_context(|| format!("cannot make {}", tools.display()))?;
    // Without links: Java remembers where the classes of an archive came from.
    let folder = tools.canonicalize()?.join(name);
    once(&folder, |half| {
        if half.exists() {
            std::fs::remove_dir_all(half)?;
        }
        std::fs::create_dir(half)?;
        make(half)
    })?;
    Ok(folder)
}

/// Makes a file or a folder when it is not there, by one of all who need it at the same time. `make` gets another name
/// beside it, and what was made there is moved.
pub(crate) fn once(wanted: &Path, make: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    if wanted.exists() {
        return Ok(());
    }
    let beside = |end: &str| {
        let mut name = wanted.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    // The lock goes with the process that holds it.
    let lock = File::create(beside(".lock"))?;
    let ours = process::until(PATIENCE, || Ok(lock.try_lock().is_ok()))?;
    if process::interrupted() {
        bail!("interrupted");
    }
    anyhow::ensure!(ours, "another xtask still makes {}", wanted.display());
    if !wanted.exists() {
        let half = beside(".half");
        make(&half)?;
        std::fs::rename(&half, wanted).with_context(|| format!("cannot make {}", wanted.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_made_again_and_half_a_thing_is_none() {
        let folder = std::env::temp_dir().join(format!("velox-xtask-tools-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let wanted = folder.join("tool-1.2.3");
        let broken = once(&wanted, |half| {
            std::fs::write(half, "half")?;
            bail!("no network")
        });
        assert!(broken.is_err() && !wanted.exists());
        once(&wanted, |half| Ok(std::fs::write(half, "whole")?)).unwrap();
        assert_eq!(std::fs::read_to_string(&wanted).unwrap(), "whole");
        once(&wanted, |_| bail!("it is there")).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
