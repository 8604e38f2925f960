//! The installation's keys.

use velox_crypto::{KeyRing, KeyRingError};

use super::finding::Finding;
use crate::commands::database::State;
use crate::config::Config;

const CHECK: &str = "keys";

/// Whether the key file can be used; without one, whether the first start may make it.
pub(super) fn check(config: &Config, database: &State) -> Finding {
    let path = crate::commands::keys_file(config);
    let name = path.display();
    match KeyRing::load(&path) {
        Ok(_) => Finding::ok(CHECK, format!("{name}")),
        Err(KeyRingError::Io { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
            if *database == State::Missing {
                return Finding::ok(CHECK, format!("{name} is not there yet; the first start makes it"));
            }
            Finding::fail(
                CHECK,
                format!("{name} is not there, but the database is: nobody could sign in"),
                "restore the file from a backup, or name it in secrets.keys_file",
            )
        }
        Err(error @ KeyRingError::LoosePermissions { .. }) => {
            Finding::fail(CHECK, format!("{name} can be read by others"), mend_of(&error, &path))
        }
        Err(error) => Finding::fail(CHECK, error.to_string(), mend_of(&error, &path)),
    }
}

fn mend_of(error: &KeyRingError, path: &std::path::Path) -> String {
    match error {
        KeyRingError::LoosePermissions { .. } => format!("chmod 600 {}", path.display()),
        KeyRingError::Io { .. } => "let the user who runs the server read it".to_owned(),
        _ => "restore the file from a backup: keys are made by the program and never written by hand".to_owned(),
    }
}
