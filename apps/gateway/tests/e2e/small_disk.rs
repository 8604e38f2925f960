//! [`SmallDisk`]: a file system of a few megabytes, which a test fills.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::waiting::say;

/// A file system in memory. Dropping it takes it away with all that is on it.
pub(crate) struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// One of so many megabytes; none, with a word why, where this process may not mount.
    pub(crate) fn mount(megabytes: u32) -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("velox-e2e-disk-{}-{megabytes}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&folder).output();
        let reason = match mounted {
            Ok(Output { status, .. }) if status.success() => {
                let disk = Self { folder };
                // PostgreSQL, which is somebody else, makes its folder here.
                std::fs::set_permissions(&disk.folder, std::fs::Permissions::from_mode(0o755)).unwrap();
                return Some(disk);
            }
            Ok(Output { stderr, .. }) => String::from_utf8_lossy(&stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        std::fs::remove_dir(&folder).unwrap();
        say(&format!("not tested: a full disk takes the right to mount one ({reason})"));
        None
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }

    /// Leaves no room at all.
    pub(crate) fn fill(&self) {
        let mut filler = File::options().create(true).append(true).open(self.filler()).unwrap();
        for size in [1 << 20, 4096, 1] {
            let block = vec![1; size];
            while filler.write_all(&block).is_ok() {}
        }
    }

    /// Gives back what was filled.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).status();
        let _ = std::fs::remove_dir(&self.folder);
    }
}
