//! The binary's commands, each against a real database in a directory of its own.

mod beside_a_server;
mod database;
mod doctor;
mod import;
mod migrate_status;
mod reset_password;
mod verify;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) error: String,
}

impl Said {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), error: text(output.stderr) }
    }

    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.out.contains(word) || self.error.contains(word), "{word}: {self:?}");
        }
        self
    }
}

/// Runs `velox` in a directory; the data directory is `data` in it.
pub(crate) fn velox(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_velox"));
    command.args(arguments).args(["--data-dir", "data"]).current_dir(directory).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VELOX_")) {
        command.env_remove(name);
    }
    Said::of(command.envs(environment.iter().copied()).output().unwrap())
}
