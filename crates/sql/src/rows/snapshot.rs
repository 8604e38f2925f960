//! The row of a snapshot.

use bytes::Bytes;
use diesel::sql_types::{BigInt, Integer, Nullable};
use velox_kernel::{AccountId, Digest, OrgId};
use velox_trading::{STATE_VERSION, Snapshot};

use super::{signed, to_json};
use crate::failure::Failure;
use crate::record::record;
use crate::types::{Blob, Hash, Id};

record! {
    /// A snapshot of an account.
    SnapshotRecord, SnapshotRecords in snapshots {
        account_id: AccountId = Id, "uuid";
        org_id: Option<OrgId> = Nullable<Id>, "uuid";
        seq: i64 = BigInt, "int8";
        version: i32 = Integer, "int4";
        hash: Digest = Hash, "bytea";
        state: Bytes = Blob, "bytea";
    }
    on conflict " ON CONFLICT (account_id) DO UPDATE SET org_id = excluded.org_id, \
        seq = excluded.seq, version = excluded.version, hash = excluded.hash, state = excluded.state \
        WHERE snapshots.version <> excluded.version OR snapshots.seq <= excluded.seq"
}

impl SnapshotRecord {
    /// The snapshot inside; `None` when it is of another version or cannot be read: it is discardable.
    #[must_use]
    pub fn into_snapshot(self) -> Option<Snapshot> {
        let Self { account_id: _, org_id: _, seq: _, version, hash, state } = self;
        if version != i32::from(STATE_VERSION) {
            return None;
        }
        Some(Snapshot { account: serde_json::from_slice(&state).ok()?, hash })
    }
}

impl TryFrom<&Snapshot> for SnapshotRecord {
    type Error = Failure;

    fn try_from(snapshot: &Snapshot) -> Result<Self, Failure> {
        let Snapshot { account, hash } = snapshot;
        Ok(Self {
            account_id: account.id(),
            org_id: account.profile().map(|profile| profile.org),
            seq: signed(account.seq())?,
            version: STATE_VERSION.into(),
            hash: *hash,
            state: to_json(account)?,
        })
    }
}
