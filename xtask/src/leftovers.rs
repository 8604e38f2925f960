//! Folders of one run each, and the removal of those that earlier runs left.

use rustix::process::Pid;
use std::path::{Path, PathBuf};

/// A folder for our process alone, empty, after those of processes that are no more were removed.
pub(crate) fn folder(parent: &Path, name: &str) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(parent)?;
    remove(parent)?;
    let folder = parent.join(format!("{name}-{}", std::process::id()));
    if folder.exists() {
        // Of a process that had our number.
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir(&folder)?;
    Ok(folder)
}

/// Removes what earlier runs left: the logs they keep, and the data of those that were killed before they could. It is
/// theirs when the process that it is named after is no more.
pub(crate) fn remove(parent: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(parent)? {
        let entry = entry?;
        let gone = entry
            .file_name()
            .to_str()
            .and_then(owner)
            .is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH));
        if gone {
            let path = entry.path();
            let _somebody_else_did =
                if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        }
    }
    Ok(())
}

/// The process that `volatile-123` or `volatile-123.log` is named after.
fn owner(name: &str) -> Option<Pid> {
    let (_, pid) = name.trim_end_matches(".log").rsplit_once('-')?;
    Pid::from_raw(pid.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_belongs_to_a_process_that_is_no_more_goes() {
        let parent = std::env::temp_dir().join(format!("velox-xtask-leftovers-{}", std::process::id()));
        std::fs::create_dir_all(&parent).unwrap();
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        let theirs = [format!("data-{}", gone.id()), format!("data-{}.log", gone.id())].map(|name| parent.join(name));
        std::fs::create_dir(&theirs[0]).unwrap();
        std::fs::write(&theirs[1], "").unwrap();
        std::fs::write(parent.join("notes"), "").unwrap();
        let ours = folder(&parent, "data").unwrap();
        std::fs::write(ours.join("old"), "").unwrap();
        assert!(!theirs[0].exists() && !theirs[1].exists() && parent.join("notes").exists());
        assert_eq!(folder(&parent, "data").unwrap(), ours);
        assert!(!ours.join("old").exists(), "it is empty again");
        std::fs::remove_dir_all(&parent).unwrap();
    }
}
