//! [`MemoryBrokerStore`].

use async_trait::async_trait;
use parking_lot::{Mutex, MutexGuard};
use velox_brokers::{
    BrokerStore, Connection, ConnectionStatus, Creation, IdempotencyRecord, NewConnection, SealedCredential, StoreError,
};
use velox_kernel::{ConnectionId, Cursor, OrgId, Page, PageRequest, Timestamp};

/// Idempotency records that one pruning takes.
const PRUNED: usize = 1_000;

/// Connections in memory; each method holds one lock from its start to its end. It can be told to be away.
#[derive(Debug, Default)]
pub struct MemoryBrokerStore(Mutex<Tables>);

impl MemoryBrokerStore {
    /// Takes so many calls more, and fails every one after them; `None` takes all.
    pub fn set_away_after(&self, calls: Option<u64>) {
        self.0.lock().calls_left = calls;
    }

    fn tables(&self) -> Result<MutexGuard<'_, Tables>, StoreError> {
        let mut tables = self.0.lock();
        match &mut tables.calls_left {
            Some(0) => return Err(StoreError::Unavailable("told to be away".to_owned())),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(tables)
    }
}

#[derive(Debug, Default)]
struct Tables {
    /// In the order of their ids.
    connections: Vec<(Connection, Vec<SealedCredential>)>,
    keys: Vec<IdempotencyRecord>,
    calls_left: Option<u64>,
}

impl Tables {
    fn find(&mut self, org: OrgId, id: ConnectionId) -> Option<&mut (Connection, Vec<SealedCredential>)> {
        self.connections.iter_mut().find(|(connection, _)| connection.org == org && connection.id == id)
    }
}

#[async_trait]
impl BrokerStore for MemoryBrokerStore {
    async fn list(&self, org: OrgId, page: &PageRequest) -> Result<Page<Connection>, StoreError> {
        let after = page.after.as_ref().map(Cursor::parse::<ConnectionId>).transpose();
        let after = after.map_err(|_| StoreError::InvalidCursor)?;
        let tables = self.tables()?;
        let rows = tables.connections.iter().map(|(connection, _)| connection);
        let rows = rows.filter(|row| row.org == org && after.is_none_or(|after| row.id > after));
        let rows = rows.take(usize::from(page.limit()) + 1).cloned().collect();
        Ok(Page::cut(rows, page, |row: &Connection| Cursor::new(row.id)))
    }

    async fn get(&self, org: OrgId, id: ConnectionId) -> Result<Option<Connection>, StoreError> {
        Ok(self.tables()?.find(org, id).map(|(connection, _)| connection.clone()))
    }

    async fn credentials(&self, org: OrgId, id: ConnectionId) -> Result<Vec<SealedCredential>, StoreError> {
        Ok(self.tables()?.find(org, id).map(|(_, credentials)| credentials.clone()).unwrap_or_default())
    }

    async fn create(&self, new: &NewConnection) -> Result<Creation, StoreError> {
        let mut tables = self.tables()?;
        if let Some(record) = &new.idempotency {
            let same = |kept: &IdempotencyRecord| {
                kept.user == record.user && kept.route == record.route && kept.key == record.key
            };
            tables.keys.retain(|kept| !same(kept) || record.created_at < kept.expires_at);
            match tables.keys.iter().find(|kept| same(kept)) {
                Some(kept) if kept.fingerprint == record.fingerprint => {
                    return Ok(Creation::Replayed { reply: kept.reply.clone() });
                }
                Some(_) => return Ok(Creation::KeyReused),
                None => tables.keys.push(record.clone()),
            }
        }
        let mut credentials = new.credentials.clone();
        credentials.sort_by(|a, b| a.field.cmp(&b.field));
        tables.connections.push((new.connection.clone(), credentials));
        tables.connections.sort_by_key(|(connection, _)| connection.id);
        Ok(Creation::Created)
    }

    async fn update(
        &self,
        connection: &Connection,
        credentials: Option<&[SealedCredential]>,
    ) -> Result<bool, StoreError> {
        let mut tables = self.tables()?;
        let Some((kept, sealed)) = tables.find(connection.org, connection.id) else { return Ok(false) };
        if kept.version != connection.version {
            return Ok(false);
        }
        kept.name = connection.name.clone();
        kept.settings = connection.settings.clone();
        kept.status = connection.status;
        kept.updated_at = connection.updated_at;
        kept.version += 1;
        if let Some(credentials) = credentials {
            *sealed = credentials.to_vec();
            sealed.sort_by(|a, b| a.field.cmp(&b.field));
        }
        Ok(true)
    }

    async fn delete(&self, org: OrgId, id: ConnectionId) -> Result<bool, StoreError> {
        let mut tables = self.tables()?;
        let found = tables.find(org, id).is_some();
        tables.connections.retain(|(connection, _)| connection.org != org || connection.id != id);
        Ok(found)
    }

    async fn openings(&self, after: Option<ConnectionId>, limit: u16) -> Result<Vec<Connection>, StoreError> {
        let tables = self.tables()?;
        let rows = tables.connections.iter().map(|(connection, _)| connection);
        let rows = rows.filter(|row| row.status == ConnectionStatus::Opening);
        let rows = rows.filter(|row| after.is_none_or(|after| row.id > after));
        Ok(rows.take(usize::from(limit)).cloned().collect())
    }

    async fn prune_keys(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut tables = self.tables()?;
        let mut ends: Vec<_> = tables.keys.iter().map(|kept| kept.expires_at).filter(|end| *end <= now).collect();
        ends.sort_unstable();
        let until = ends.get(PRUNED - 1).copied().unwrap_or(now);
        let count = tables.keys.len();
        tables.keys.retain(|kept| kept.expires_at > until);
        Ok(u64::try_from(count - tables.keys.len()).unwrap_or(u64::MAX))
    }
}
