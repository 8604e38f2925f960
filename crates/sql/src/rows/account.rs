//! The row of an account.

use bytes::Bytes;
use diesel::sql_types::{Bool, Nullable, Text};
use velox_kernel::{AccountId, ConnectionId, Currency, OrgId, Timestamp};
use velox_trading::{AccountRow, HaltMode};

use super::{from_json, to_json};
use crate::failure::Failure;
use crate::record::record;
use crate::types::{Blob, Id, Moment, Word};

record! {
    /// An account.
    AccountRecord, AccountRecords in accounts {
        id: AccountId = Id, "uuid";
        org_id: OrgId = Id, "uuid";
        connection_id: ConnectionId = Id, "uuid";
        name: String = Text, "text";
        paper: bool = Bool, "bool";
        currency: Currency = Word, "text";
        halt: Option<HaltMode> = Nullable<Word>, "text";
        limits: Bytes = Blob, "bytea";
        opened_at: Timestamp = Moment, "timestamptz";
    }
    on conflict " ON CONFLICT (id) DO UPDATE SET name = excluded.name, halt = excluded.halt, \
        limits = excluded.limits"
}

impl TryFrom<&AccountRow> for AccountRecord {
    type Error = Failure;

    fn try_from(row: &AccountRow) -> Result<Self, Failure> {
        let AccountRow { id, org, connection, name, paper, currency, halt, limits, opened_at } = row;
        Ok(Self {
            id: *id,
            org_id: *org,
            connection_id: *connection,
            name: name.clone(),
            paper: *paper,
            currency: *currency,
            halt: *halt,
            limits: to_json(limits)?,
            opened_at: *opened_at,
        })
    }
}

impl TryFrom<AccountRecord> for AccountRow {
    type Error = Failure;

    fn try_from(record: AccountRecord) -> Result<Self, Failure> {
        let AccountRecord { id, org_id, connection_id, name, paper, currency, halt, limits, opened_at } = record;
        let limits = from_json(&limits, "an account's limits")?;
        Ok(Self { id, org: org_id, connection: connection_id, name, paper, currency, halt, limits, opened_at })
    }
}
