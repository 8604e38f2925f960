//! Programs that may or may not be on this machine.

use anyhow::bail;
use std::path::PathBuf;

/// Where servers' programs are that are not for everybody's `PATH`.
const MORE: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin"];

/// Finds a program; the error names the command that installs it.
pub(crate) fn find(name: &str, package: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(MORE.map(PathBuf::from));
    let Some(program) = folders.map(|folder| folder.join(name)).find(|program| program.is_file()) else {
        bail!("{name} is not installed: {}", install(package));
    };
    Ok(program)
}

/// The command that installs a package on Debian and Ubuntu.
pub(crate) fn install(package: &str) -> String {
    let sudo = if rustix::process::geteuid().is_root() { "" } else { "sudo " };
    format!("{sudo}apt-get install --yes {package}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_missing_is_named_with_the_command_that_installs_it() {
        assert!(super::find("sh", "dash").is_ok());
        let reason = super::find("no-such-program", "some-package").unwrap_err().to_string();
        assert!(reason.starts_with("no-such-program is not installed: "), "{reason}");
        assert!(reason.ends_with("apt-get install --yes some-package"), "{reason}");
    }
}
