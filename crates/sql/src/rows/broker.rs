//! The rows of broker connections.

use bytes::Bytes;
use diesel::sql_types::{BigInt, Text};
use velox_brokers::{
    BrokerKind, Connection, ConnectionStatus, Environment, IdempotencyRecord, Sealed, SealedCredential,
};
use velox_kernel::{AccountId, ConnectionId, Digest, OrgId, Timestamp, UserId};

use super::{from_json, parsed, signed, to_json, unsigned};
use crate::failure::Failure;
use crate::record::record;
use crate::types::{Blob, Hash, Id, Moment, Word};

record! {
    /// A connection.
    ConnectionRecord, ConnectionRecords in broker_connections {
        id: ConnectionId = Id, "uuid";
        org_id: OrgId = Id, "uuid";
        name: String = Text, "text";
        kind: BrokerKind = Word, "text";
        environment: Environment = Word, "text";
        settings: Bytes = Blob, "bytea";
        status: ConnectionStatus = Word, "text";
        account_id: AccountId = Id, "uuid";
        created_by: UserId = Id, "uuid";
        created_at: Timestamp = Moment, "timestamptz";
        updated_at: Timestamp = Moment, "timestamptz";
        version: i64 = BigInt, "int8";
    }
    on conflict ""
}

record! {
    /// A sealed credential.
    CredentialRecord, CredentialRecords in broker_credentials {
        connection_id: ConnectionId = Id, "uuid";
        field: String = Text, "text";
        org_id: OrgId = Id, "uuid";
        key_id: String = Text, "text";
        sealed: Bytes = Blob, "bytea";
    }
    on conflict ""
}

record! {
    /// A request that was made under a key.
    KeyRecord, KeyRecords in idempotency_keys {
        user_id: UserId = Id, "uuid";
        route: String = Text, "text";
        idempotency_key: String = Text, "text";
        org_id: OrgId = Id, "uuid";
        fingerprint: Digest = Hash, "bytea";
        reply: String = Text, "text";
        created_at: Timestamp = Moment, "timestamptz";
        expires_at: Timestamp = Moment, "timestamptz";
    }
    on conflict " ON CONFLICT (user_id, route, idempotency_key) DO NOTHING"
}

impl TryFrom<&Connection> for ConnectionRecord {
    type Error = Failure;

    fn try_from(connection: &Connection) -> Result<Self, Failure> {
        let Connection {
            id,
            org,
            name,
            kind,
            environment,
            settings,
            status,
            account,
            created_by,
            created_at,
            updated_at,
            version,
        } = connection;
        Ok(Self {
            id: *id,
            org_id: *org,
            name: name.as_str().to_owned(),
            kind: *kind,
            environment: *environment,
            settings: to_json(settings)?,
            status: *status,
            account_id: *account,
            created_by: *created_by,
            created_at: *created_at,
            updated_at: *updated_at,
            version: signed(*version)?,
        })
    }
}

impl TryFrom<ConnectionRecord> for Connection {
    type Error = Failure;

    fn try_from(record: ConnectionRecord) -> Result<Self, Failure> {
        let ConnectionRecord {
            id,
            org_id,
            name,
            kind,
            environment,
            settings,
            status,
            account_id,
            created_by,
            created_at,
            updated_at,
            version,
        } = record;
        Ok(Self {
            id,
            org: org_id,
            name: parsed(&name)?,
            kind,
            environment,
            settings: from_json(&settings, "a connection's settings")?,
            status,
            account: account_id,
            created_by,
            created_at,
            updated_at,
            version: unsigned(version)?,
        })
    }
}

impl CredentialRecord {
    /// The row of a credential.
    #[must_use]
    pub fn new(org_id: OrgId, connection_id: ConnectionId, credential: &SealedCredential) -> Self {
        let SealedCredential { field, sealed: Sealed { key_id, bytes } } = credential;
        Self {
            connection_id,
            field: field.clone(),
            org_id,
            key_id: key_id.clone(),
            sealed: Bytes::copy_from_slice(bytes),
        }
    }
}

impl From<CredentialRecord> for SealedCredential {
    fn from(record: CredentialRecord) -> Self {
        let CredentialRecord { connection_id: _, field, org_id: _, key_id, sealed } = record;
        Self { field, sealed: Sealed { key_id, bytes: sealed.into() } }
    }
}

impl KeyRecord {
    /// The row of a request under a key.
    #[must_use]
    pub fn new(org_id: OrgId, record: &IdempotencyRecord) -> Self {
        let IdempotencyRecord { user, route, key, fingerprint, reply, created_at, expires_at } = record;
        Self {
            user_id: *user,
            route: route.clone(),
            idempotency_key: key.clone(),
            org_id,
            fingerprint: *fingerprint,
            reply: reply.clone(),
            created_at: *created_at,
            expires_at: *expires_at,
        }
    }
}
