//! `update_connection`: another name, other settings, other credentials.

use velox_kernel::{Actor, ConnectionId};

use crate::seal_credentials::seal_credentials;
use crate::{
    AccountsUnavailable, BrokerSettings, Brokers, Connection, ConnectionName, Credential, CredentialsError,
    InvalidPaperSettings, StoreError,
};

/// How often a change without an expected version is tried again when another one came first.
const TRIES: usize = 4;

/// What to change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct UpdateConnection {
    /// What to call it.
    pub name: Option<ConnectionName>,
    /// How the broker is set up.
    pub settings: Option<BrokerSettings>,
    /// All credentials, in place of the kept ones.
    pub credentials: Option<Vec<Credential>>,
    /// The version the change was made on; any when `None`.
    pub expected_version: Option<u64>,
}

/// Why a connection was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateConnectionError {
    /// The actor's organisation has no such connection.
    #[error("there is no such connection")]
    NotFound,
    /// The version is another than expected: read it again.
    #[error("somebody changed it meanwhile")]
    Conflict,
    /// The settings make no sense or may not change.
    #[error(transparent)]
    Settings(#[from] InvalidPaperSettings),
    /// The credentials are not what the broker needs.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The change is kept and has not reached the accounts: send it again.
    #[error(transparent)]
    Accounts(#[from] AccountsUnavailable),
}

/// Changes a connection and brings its settings to its accounts.
///
/// # Errors
/// See [`UpdateConnectionError`].
pub async fn update_connection(
    brokers: &Brokers,
    actor: &Actor,
    id: ConnectionId,
    command: UpdateConnection,
) -> Result<Connection, UpdateConnectionError> {
    for _ in 0..TRIES {
        let mut connection = brokers.store.get(actor.org, id).await?.ok_or(UpdateConnectionError::NotFound)?;
        if command.expected_version.is_some_and(|version| version != connection.version) {
            return Err(UpdateConnectionError::Conflict);
        }
        let credentials = match &command.credentials {
            Some(given) => {
                let entry = brokers.catalog.find(connection.kind).ok_or(UpdateConnectionError::NotFound)?;
                Some(seal_credentials(&*brokers.secret_box, entry, actor.org, id, given)?)
            }
            None => None,
        };
        change(&mut connection, &command)?;
        connection.updated_at = brokers.clock.now();
        if brokers.store.update(&connection, credentials.as_deref()).await? {
            connection.version += 1;
            if command.settings.is_some() {
                brokers.accounts.configure(&connection, actor.principal()).await?;
            }
            return Ok(connection);
        }
    }
    Err(UpdateConnectionError::Conflict)
}

fn change(connection: &mut Connection, command: &UpdateConnection) -> Result<(), InvalidPaperSettings> {
    if let Some(name) = &command.name {
        connection.name = name.clone();
    }
    if let Some(BrokerSettings::Paper(settings)) = &command.settings {
        let BrokerSettings::Paper(before) = &connection.settings;
        connection.settings = BrokerSettings::Paper(settings.clone().replacing(before)?);
    }
    Ok(())
}
