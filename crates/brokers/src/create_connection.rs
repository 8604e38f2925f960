//! `create_connection`: a tenant gets a way to a broker, and its first account there.

use std::time::Duration;

use velox_kernel::{AccountId, Actor, ConnectionId, Digest};

use crate::finish_openings::finish_opening;
use crate::seal_credentials::seal_credentials;
use crate::{
    BrokerKind, BrokerSettings, Brokers, Connection, ConnectionName, ConnectionStatus, Creation, Credential,
    CredentialsError, Environment, FinishOpeningError, IdempotencyRecord, InvalidPaperSettings, NewConnection,
    StoreError,
};

/// How long an idempotency key stands for its request.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 3_600);

/// A connection to make.
#[derive(Clone, Debug)]
pub struct CreateConnection {
    /// What to call it.
    pub name: ConnectionName,
    /// Which broker.
    pub kind: BrokerKind,
    /// Play money or real money.
    pub environment: Environment,
    /// How to set the broker up; as usual when `None`.
    pub settings: Option<BrokerSettings>,
    /// What the broker wants to know.
    pub credentials: Vec<Credential>,
    /// The client's key for this request.
    pub idempotency: Option<IdempotencyKey>,
}

/// A key under which the same request may come again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The route, such as `POST /v1/brokers`.
    pub route: &'static str,
    /// The key.
    pub key: String,
    /// The digest of the parsed request; a keyed one when the request holds secrets.
    pub fingerprint: Digest,
}

/// Why a connection was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateConnectionError {
    /// The catalog holds no broker of this kind.
    #[error("there is no broker {0:?} in the catalog")]
    UnsupportedBroker(BrokerKind),
    /// The broker does not offer this environment.
    #[error("the broker does not offer the environment {}", .0.as_str())]
    UnsupportedEnvironment(Environment),
    /// The settings make no sense, or are another broker's.
    #[error(transparent)]
    Settings(#[from] InvalidPaperSettings),
    /// The credentials are not what the broker needs.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Another request was made under this idempotency key.
    #[error("another request was made under this idempotency key")]
    KeyReused,
    /// The store failed at the first commit, which keeps the connection.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The connection is kept and not active yet. It is finished as soon as that is possible; the same request under
    /// the same key gives the same connection.
    #[error("the connection is kept and not active yet: {0}")]
    Unfinished(FinishOpeningError),
}

/// Makes a connection and opens its account.
///
/// The connection is kept first, as `opening`, with the account's id in it; then the account is opened, then it is
/// `active`. Whatever is interrupted, [`finish_openings`](crate::finish_openings) completes.
///
/// # Errors
/// See [`CreateConnectionError`].
pub async fn create_connection(
    brokers: &Brokers,
    actor: &Actor,
    command: CreateConnection,
) -> Result<Connection, CreateConnectionError> {
    let new = draw_up(brokers, actor, command)?;
    let connection = match brokers.store.create(&new).await? {
        Creation::Created => new.connection,
        Creation::Replayed { reply } => return replay(brokers, actor, &reply).await,
        Creation::KeyReused => return Err(CreateConnectionError::KeyReused),
    };
    let finished = finish_opening(brokers, connection.clone(), actor.principal()).await;
    finished.map_err(CreateConnectionError::Unfinished)?;
    Ok(ready(connection))
}

/// The connection as the request asks for it, once its account is open: this is the answer, and the one kept for
/// repeated requests.
fn ready(connection: Connection) -> Connection {
    Connection { status: ConnectionStatus::Active, version: connection.version + 1, ..connection }
}

async fn replay(brokers: &Brokers, actor: &Actor, reply: &str) -> Result<Connection, CreateConnectionError> {
    let answer: Connection = serde_json::from_str(reply).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    finish_first(brokers, actor, answer.id).await.map_err(CreateConnectionError::Unfinished)?;
    Ok(answer)
}

/// Finishes what the first request under the key made, when that is still opening.
async fn finish_first(brokers: &Brokers, actor: &Actor, id: ConnectionId) -> Result<(), FinishOpeningError> {
    match brokers.store.get(actor.org, id).await? {
        Some(kept) if kept.status == ConnectionStatus::Opening => {
            finish_opening(brokers, kept, actor.principal()).await
        }
        Some(_) | None => Ok(()),
    }
}

fn draw_up(
    brokers: &Brokers,
    actor: &Actor,
    command: CreateConnection,
) -> Result<NewConnection, CreateConnectionError> {
    let CreateConnection { name, kind, environment, settings, credentials, idempotency } = command;
    let entry = brokers.catalog.find(kind).ok_or(CreateConnectionError::UnsupportedBroker(kind))?;
    if !entry.environments.contains(&environment) {
        return Err(CreateConnectionError::UnsupportedEnvironment(environment));
    }
    let BrokerSettings::Paper(settings) = settings.unwrap_or_else(|| entry.usual_settings.clone());
    let settings = BrokerSettings::Paper(settings.checked()?);
    let id = ConnectionId::new(brokers.ids.next());
    let credentials = seal_credentials(&*brokers.secret_box, entry, actor.org, id, &credentials)?;
    let now = brokers.clock.now();
    let connection = Connection {
        id,
        org: actor.org,
        name,
        kind,
        environment,
        settings,
        status: ConnectionStatus::Opening,
        account: AccountId::new(brokers.ids.next()),
        created_by: actor.user,
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let idempotency = idempotency.map(|key| record(actor, &connection, key)).transpose()?;
    Ok(NewConnection { connection, credentials, idempotency })
}

fn record(actor: &Actor, connection: &Connection, key: IdempotencyKey) -> Result<IdempotencyRecord, StoreError> {
    let reply = serde_json::to_string(&ready(connection.clone()));
    Ok(IdempotencyRecord {
        user: actor.user,
        route: key.route.into(),
        key: key.key,
        fingerprint: key.fingerprint,
        reply: reply.map_err(|error| StoreError::Corrupt(error.to_string()))?,
        created_at: connection.created_at,
        expires_at: connection.created_at.plus(KEY_LIFETIME),
    })
}
