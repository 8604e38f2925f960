//! The first start of an installation: its owner, and a paper account to trade with.

use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use velox_brokers::{
    BrokerKind, Brokers, ConnectionName, CreateConnection, CreateConnectionError, Environment, create_connection,
};
use velox_identity::{DisplayName, Email, FirstOwner, Identity, IdentityFailure, create_first_owner};
use velox_kernel::{Actor, SessionId};

/// The owner's address, until the owner changes it.
pub const OWNER_EMAIL: &str = "owner@velox.localhost";

/// What a first start says, once.
#[derive(Debug)]
pub enum Welcome {
    /// The sign-in was shown on the terminal.
    Shown,
    /// There is no terminal: the sign-in is in this file, which only this user can read.
    Written(PathBuf),
}

/// Why a first start failed.
#[derive(Debug, thiserror::Error)]
pub enum FirstStartError {
    /// The owner could not be made.
    #[error(transparent)]
    Identity(#[from] IdentityFailure),
    /// The paper account could not be made.
    #[error(transparent)]
    Connection(#[from] CreateConnectionError),
    /// The sign-in could not be shown.
    #[error("the sign-in cannot be written to {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A built-in name does not fit its own rules.
    #[error("a built-in name is not valid")]
    Name,
}

/// Makes the first owner and a paper account; `None` when there is a user already.
///
/// # Errors
/// [`FirstStartError`].
pub(super) async fn first_start(
    identity: &Identity,
    brokers: &Brokers,
    data_dir: &Path,
) -> Result<Option<Welcome>, FirstStartError> {
    let email: Email = OWNER_EMAIL.parse().map_err(|_| FirstStartError::Name)?;
    let name: DisplayName = "Owner".parse().map_err(|_| FirstStartError::Name)?;
    let Some(owner) = create_first_owner(identity, email, name).await? else { return Ok(None) };
    // Shown before anything else can fail: nobody knows the password but this process.
    let welcome = show(&owner, data_dir)?;
    let actor = Actor {
        org: owner.user.org,
        user: owner.user.id,
        role: owner.user.role,
        session: SessionId::new(owner.user.id.uuid()),
    };
    let connection = CreateConnection {
        name: "Paper".parse::<ConnectionName>().map_err(|_| FirstStartError::Name)?,
        kind: "paper".parse::<BrokerKind>().map_err(|_| FirstStartError::Name)?,
        environment: Environment::Paper,
        settings: None,
        credentials: Vec::new(),
        idempotency: None,
    };
    match create_connection(brokers, &actor, connection).await {
        Ok(_) => {}
        // It is kept, and finished as every interrupted one is.
        Err(CreateConnectionError::Unfinished(error)) => {
            tracing::warn!(%error, "the first paper account is not open yet; it is tried again");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Some(welcome))
}

fn show(owner: &FirstOwner, data_dir: &Path) -> Result<Welcome, FirstStartError> {
    let text = format!(
        "Your sign-in, shown this once:\n\n  e-mail    {}\n  password  {}\n",
        owner.user.email,
        owner.password.reveal()
    );
    let mut terminal = io::stdout();
    if terminal.is_terminal() && writeln!(terminal, "\n{text}").is_ok() {
        return Ok(Welcome::Shown);
    }
    let path = data_dir.join("first-sign-in.txt");
    write_privately(&path, &text).map_err(|source| FirstStartError::Write { path: path.clone(), source })?;
    Ok(Welcome::Written(path))
}

/// Writes a file that only this user can read, whatever stood there before.
fn write_privately(path: &Path, text: &str) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_sign_in_is_for_this_user_alone_even_where_a_file_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("first-sign-in.txt");
        std::fs::write(&path, "an older one, and longer than what follows").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        write_privately(&path, "secret").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "secret");
    }
}
