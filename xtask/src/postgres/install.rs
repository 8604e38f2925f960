//! Where PostgreSQL is installed, and as whom it can run.

use crate::programs;
use anyhow::{Context, bail};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a program as another user, and ends it with us.
const SETPRIV: &str = "/usr/bin/setpriv";

/// The programs of one version of PostgreSQL.
pub(crate) struct Installation {
    bin: PathBuf,
    /// The user that PostgreSQL runs as: it refuses to be root. `None` when we are not root ourselves.
    pub(crate) user: Option<User>,
}

/// A user of this machine.
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Installation {
    /// Finds the newest version; the error names the command that installs one.
    pub(crate) fn find() -> anyhow::Result<Installation> {
        let Some(bin) = candidates().into_iter().find(|bin| bin.join("initdb").is_file()) else {
            bail!("PostgreSQL is not installed: {}", programs::install("postgresql"));
        };
        let user = if rustix::process::geteuid().is_root() { Some(User::postgres()?) } else { None };
        Ok(Installation { bin, user })
    }

    /// A program of PostgreSQL, as the user it may run as. On Linux it ends when the thread that started it does, so
    /// that not even `kill -9` of us leaves a server behind.
    pub(crate) fn command(&self, program: &str) -> Command {
        self.setpriv(&["--pdeathsig", "INT"], program)
    }

    /// The same for a server that stays when we end.
    pub(crate) fn lasting_command(&self, program: &str) -> Command {
        self.setpriv(&[], program)
    }

    fn setpriv(&self, options: &[&str], program: &str) -> Command {
        let program = self.bin.join(program);
        if !Path::new(SETPRIV).exists() || (self.user.is_none() && options.is_empty()) {
            return Command::new(program);
        }
        let mut command = Command::new(SETPRIV);
        if let Some(user) = &self.user {
            command.arg(format!("--reuid={}", user.uid)).arg(format!("--regid={}", user.gid)).arg("--clear-groups");
        }
        command.args(options).arg(program);
        command
    }

    /// Makes an empty folder that the user PostgreSQL runs as owns.
    pub(crate) fn make_folder(&self, folder: &Path) -> anyhow::Result<()> {
        let made = std::fs::DirBuilder::new().mode(0o700).create(folder);
        made.with_context(|| format!("cannot make {}", folder.display()))?;
        if let Some(user) = &self.user {
            std::os::unix::fs::chown(folder, Some(user.uid), Some(user.gid))?;
        }
        Ok(())
    }

    /// Fills such a folder: anybody on this machine gets in, as this superuser.
    pub(crate) fn initialise(&self, folder: &Path, superuser: &str) -> anyhow::Result<()> {
        let mut initdb = self.command("initdb");
        initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"]).arg(folder);
        initdb.arg(format!("--username={superuser}"));
        let output = initdb.current_dir(folder).output().context("cannot run initdb")?;
        anyhow::ensure!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Fills such a folder with a copy of a running server, which follows that one when it is started.
    pub(crate) fn copy(&self, folder: &Path, primary: &str) -> anyhow::Result<()> {
        let mut backup = self.command("pg_basebackup");
        backup.args(["--checkpoint=fast", "--no-sync", "--write-recovery-conf", "--dbname", primary, "--pgdata"]);
        let output = backup.arg(folder).current_dir(folder).output().context("cannot run pg_basebackup")?;
        anyhow::ensure!(output.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Whether the user that PostgreSQL runs as can get at a folder; a clone in root's home is out of its reach.
    pub(crate) fn reaches(&self, folder: &Path) -> bool {
        let Some(user) = &self.user else { return true };
        let mut command = Command::new(SETPRIV);
        command.arg(format!("--reuid={}", user.uid)).arg(format!("--regid={}", user.gid)).arg("--clear-groups");
        command.args(["test", "-x"]).arg(folder).status().is_ok_and(|status| status.success())
    }
}

impl User {
    fn postgres() -> anyhow::Result<User> {
        let passwd = std::fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        let line = passwd.lines().find_map(|line| line.strip_prefix("postgres:"));
        let mut fields = line.context("PostgreSQL refuses to run as root, and there is no user postgres")?.split(':');
        let mut id = |position| fields.nth(position).and_then(|id| id.parse().ok()).context("bad line in /etc/passwd");
        Ok(User { uid: id(1)?, gid: id(0)? })
    }
}

/// Folders that may hold PostgreSQL's programs: Debian's, the newest first, then those of `PATH`.
fn candidates() -> Vec<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut debian: Vec<_> = debian.collect();
    debian.sort_by_key(|path| std::cmp::Reverse(version(path)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    debian.into_iter().map(|path| path.join("bin")).chain(std::env::split_paths(&path)).collect()
}

/// `/usr/lib/postgresql/15` is version 15.
fn version(path: &Path) -> u32 {
    path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        assert!(version(Path::new("/usr/lib/postgresql/15")) > version(Path::new("/usr/lib/postgresql/9")));
        assert_eq!(version(Path::new("/usr/lib/postgresql/other")), 0);
    }
}
