//! Broker connections, credentials and the catalog. See the README for what it must never know.

mod brokers;
mod catalog;
mod connection;
mod create_connection;
mod delete_connection;
mod finish_openings;
mod get_connection;
mod list_connections;
mod paper_settings;
mod ports;
mod prune_idempotency_keys;
mod seal_credentials;
mod secret_box;
mod store;
mod test_connection;
mod update_connection;

pub use brokers::Brokers;
pub use catalog::{Catalog, CatalogEntry, CredentialField};
pub use connection::{
    BrokerKind, BrokerSettings, Connection, ConnectionName, ConnectionStatus, Environment, InvalidBrokerKind,
    InvalidConnectionName, SealedCredential, UnknownWord,
};
pub use create_connection::{CreateConnection, CreateConnectionError, IdempotencyKey, create_connection};
pub use delete_connection::{DeleteConnectionError, delete_connection};
pub use finish_openings::{FinishOpeningError, OpeningsLook, finish_openings};
pub use get_connection::get_connection;
pub use list_connections::list_connections;
pub use paper_settings::{InvalidPaperSettings, PaperSettings};
pub use ports::{
    AccountsUnavailable, ConnectionAccounts, ConnectionProbe, Credential, ProbeCheck, ProbeReport, Retirement,
};
pub use prune_idempotency_keys::prune_idempotency_keys;
pub use seal_credentials::CredentialsError;
pub use secret_box::{Sealed, SecretBox, SecretBoxError, SecretPlace};
pub use store::{BrokerStore, Creation, IdempotencyRecord, NewConnection, StoreError};
pub use test_connection::{TestConnectionError, open_credentials, test_connection};
pub use update_connection::{UpdateConnection, UpdateConnectionError, update_connection};
