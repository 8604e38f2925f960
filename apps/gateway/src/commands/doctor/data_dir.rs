//! The data directory: whose it is, who may look into it, and how much room there is.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

use super::finding::Finding;
use crate::config::Config;

const DIR: &str = "data dir";
const DISK: &str = "disk space";
const SIGN_IN: &str = "first sign-in";
/// Below this much room nothing can go on for long.
const TOO_LITTLE: u64 = 64 << 20;
/// Below this much room it is time to act.
const LITTLE: u64 = 1 << 30;

/// Looks at the directory.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let dir = &config.data.dir;
    let Some(found) = nearest(dir) else {
        return vec![Finding::fail(DIR, format!("{} is nowhere", dir.display()), "set data.dir to a path that exists")];
    };
    let mut findings = vec![directory(dir, &found)];
    findings.push(space(&found));
    let sign_in = dir.join("first-sign-in.txt");
    if sign_in.exists() {
        findings.push(Finding::warn(
            SIGN_IN,
            format!("{} holds the owner's first password", sign_in.display()),
            "sign in, change the password, and delete the file",
        ));
    }
    findings
}

/// The directory, or the nearest one above it that is there.
fn nearest(dir: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(dir).ok()?;
    absolute.ancestors().find(|path| path.exists()).map(Path::to_owned)
}

fn directory(dir: &Path, found: &Path) -> Finding {
    let there = dir.exists();
    let name = dir.display();
    let metadata = match found.metadata() {
        Ok(metadata) => metadata,
        Err(error) => {
            return Finding::fail(DIR, format!("{}: {error}", found.display()), "give this user access to it");
        }
    };
    if !metadata.is_dir() {
        return Finding::fail(DIR, format!("{} is no directory", found.display()), "set data.dir to a directory");
    }
    if access(found, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let user = rustix::process::geteuid().as_raw();
        let mend = format!("chown it to user {user}, or set data.dir to a directory of that user");
        return Finding::fail(DIR, format!("{} cannot be written by user {user}", found.display()), mend);
    }
    if !there {
        return Finding::ok(DIR, format!("{name} is not there yet; the first start makes it"));
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Finding::warn(DIR, format!("{name} is open to others (mode {mode:03o})"), format!("chmod 700 {name}"));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Finding::warn(
            DIR,
            format!("{name} belongs to user {}, not to the one who runs this", metadata.uid()),
            "run the server and this command as the directory's owner",
        );
    }
    Finding::ok(DIR, format!("{name}, mode {mode:03o}"))
}

fn space(found: &Path) -> Finding {
    let stat = match statvfs(found) {
        Ok(stat) => stat,
        Err(error) => {
            return Finding::warn(DISK, format!("cannot be read: {error}"), "look at it with `df` yourself");
        }
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let said = format!("{} MiB free at {}", free >> 20, found.display());
    let mend = "make room, or move data.dir to a larger disk while the server is stopped";
    // Some filesystems count no inodes and say 0 of 0.
    if stat.f_files > 0 && stat.f_favail < 100 {
        return Finding::fail(DISK, format!("{} inodes left at {}", stat.f_favail, found.display()), mend);
    }
    match free {
        0..TOO_LITTLE => Finding::fail(DISK, said, mend),
        TOO_LITTLE..LITTLE => Finding::warn(DISK, said, mend),
        _ => Finding::ok(DISK, said),
    }
}
