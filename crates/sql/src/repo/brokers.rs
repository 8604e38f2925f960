//! Broker connections. Writes run inside the caller's transaction.

use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel::{delete, update};
use velox_brokers::{Connection, ConnectionStatus, Creation, IdempotencyRecord, NewConnection, SealedCredential};
use velox_kernel::{ConnectionId, Cursor, OrgId, Page, PageRequest, Timestamp};

use super::{Conn, Db, RunQueryDsl};
use crate::failure::Failure;
use crate::record::Upsert;
use crate::rows::{ConnectionRecord, CredentialRecord, KeyRecord};
use crate::schema::{broker_connections, broker_credentials, idempotency_keys};
use crate::types::Val;

/// Idempotency records that one pruning takes.
const PRUNED: i64 = 1_000;

/// The organisation's connections, by id.
///
/// # Errors
/// [`Failure`].
pub async fn list(conn: &mut Conn, org: OrgId, page: &PageRequest) -> Result<Page<Connection>, Failure> {
    let mut query = broker_connections::table
        .filter(broker_connections::org_id.eq(Val(org)))
        .select(ConnectionRecord::as_select())
        .into_boxed::<Db>();
    if let Some(after) = &page.after {
        query = query.filter(broker_connections::id.gt(Val(after.parse::<ConnectionId>()?)));
    }
    let records: Vec<ConnectionRecord> =
        query.order(broker_connections::id.asc()).limit(i64::from(page.limit()) + 1).load(conn).await?;
    let rows = records.into_iter().map(Connection::try_from).collect::<Result<_, _>>()?;
    Ok(Page::cut(rows, page, |row: &Connection| Cursor::new(row.id)))
}

/// A connection of the organisation.
///
/// # Errors
/// [`Failure`].
pub async fn get(conn: &mut Conn, org: OrgId, id: ConnectionId) -> Result<Option<Connection>, Failure> {
    let record: Option<ConnectionRecord> = broker_connections::table
        .find(Val(id))
        .filter(broker_connections::org_id.eq(Val(org)))
        .select(ConnectionRecord::as_select())
        .first(conn)
        .await
        .optional()?;
    record.map(Connection::try_from).transpose()
}

/// The sealed credentials of a connection, by field.
///
/// # Errors
/// [`Failure`].
pub async fn credentials(conn: &mut Conn, org: OrgId, id: ConnectionId) -> Result<Vec<SealedCredential>, Failure> {
    let of_connection = broker_credentials::connection_id.eq(Val(id)).and(broker_credentials::org_id.eq(Val(org)));
    let records: Vec<CredentialRecord> = broker_credentials::table
        .filter(of_connection)
        .order(broker_credentials::field.asc())
        .select(CredentialRecord::as_select())
        .load(conn)
        .await?;
    Ok(records.into_iter().map(SealedCredential::from).collect())
}

async fn keep_credentials(
    conn: &mut Conn,
    connection: &Connection,
    credentials: &[SealedCredential],
) -> Result<(), Failure> {
    for credential in credentials {
        Upsert(CredentialRecord::new(connection.org, connection.id, credential)).execute(conn).await?;
    }
    Ok(())
}

/// Keeps a request under its key; or says what it met there.
async fn claim_key(conn: &mut Conn, org: OrgId, record: &IdempotencyRecord) -> Result<Option<Creation>, Failure> {
    let key = idempotency_keys::user_id
        .eq(Val(record.user))
        .and(idempotency_keys::route.eq(record.route.clone()))
        .and(idempotency_keys::idempotency_key.eq(record.key.clone()));
    let expired = idempotency_keys::expires_at.le(Val(record.created_at));
    delete(idempotency_keys::table.filter(key.clone()).filter(expired)).execute(conn).await?;
    // On PostgreSQL this waits for a request under the same key that is being answered.
    if Upsert(KeyRecord::new(org, record)).execute(conn).await? == 1 {
        return Ok(None);
    }
    let kept: KeyRecord = idempotency_keys::table.filter(key).select(KeyRecord::as_select()).first(conn).await?;
    if kept.fingerprint == record.fingerprint {
        return Ok(Some(Creation::Replayed { reply: kept.reply }));
    }
    Ok(Some(Creation::KeyReused))
}

/// Keeps a connection; or finds that the request was made before.
///
/// # Errors
/// [`Failure`].
pub async fn create(conn: &mut Conn, new: &NewConnection) -> Result<Creation, Failure> {
    let NewConnection { connection, credentials, idempotency } = new;
    if let Some(record) = idempotency
        && let Some(met) = claim_key(conn, connection.org, record).await?
    {
        return Ok(met);
    }
    Upsert(ConnectionRecord::try_from(connection)?).execute(conn).await?;
    keep_credentials(conn, connection, credentials).await?;
    Ok(Creation::Created)
}

/// Writes what may change of a connection, provided that its version is still the given one.
///
/// # Errors
/// [`Failure`].
pub async fn update_connection(
    conn: &mut Conn,
    connection: &Connection,
    credentials: Option<&[SealedCredential]>,
) -> Result<bool, Failure> {
    let record = ConnectionRecord::try_from(connection)?;
    let kept = broker_connections::table
        .find(Val(record.id))
        .filter(broker_connections::org_id.eq(Val(record.org_id)))
        .filter(broker_connections::version.eq(record.version));
    let written = update(kept)
        .set((
            broker_connections::name.eq(record.name),
            broker_connections::settings.eq(Val(record.settings)),
            broker_connections::status.eq(Val(record.status)),
            broker_connections::updated_at.eq(Val(record.updated_at)),
            broker_connections::version.eq(broker_connections::version + 1),
        ))
        .execute(conn)
        .await?;
    if written == 0 {
        return Ok(false);
    }
    if let Some(credentials) = credentials {
        let replaced = broker_credentials::table.filter(broker_credentials::connection_id.eq(Val(connection.id)));
        delete(replaced).execute(conn).await?;
        keep_credentials(conn, connection, credentials).await?;
    }
    Ok(true)
}

/// Removes a connection, credentials included.
///
/// # Errors
/// [`Failure`].
pub async fn delete_connection(conn: &mut Conn, org: OrgId, id: ConnectionId) -> Result<bool, Failure> {
    let connection = broker_connections::table.find(Val(id)).filter(broker_connections::org_id.eq(Val(org)));
    if delete(connection).execute(conn).await? == 0 {
        return Ok(false);
    }
    delete(broker_credentials::table.filter(broker_credentials::connection_id.eq(Val(id)))).execute(conn).await?;
    Ok(true)
}

/// Connections of every tenant that are still opening, the oldest first.
///
/// # Errors
/// [`Failure`].
pub async fn openings(conn: &mut Conn, after: Option<ConnectionId>, limit: u16) -> Result<Vec<Connection>, Failure> {
    // The state in a list and in the order, so that its index alone has that order: next to none are opening, and walking all
    // by their ids until enough are found reads every one.
    let mut query = broker_connections::table
        .filter(broker_connections::status.eq_any([Val(ConnectionStatus::Opening)]))
        .order((broker_connections::status.asc(), broker_connections::id.asc()))
        .select(ConnectionRecord::as_select())
        .into_boxed::<Db>();
    if let Some(after) = after {
        query = query.filter(broker_connections::id.gt(Val(after)));
    }
    let records: Vec<ConnectionRecord> = query.limit(i64::from(limit)).load(conn).await?;
    records.into_iter().map(Connection::try_from).collect()
}

/// Deletes idempotency records that have expired by `now`, the longest expired first.
///
/// # Errors
/// [`Failure`].
pub async fn prune_keys(conn: &mut Conn, now: Timestamp) -> Result<u64, Failure> {
    let expired = idempotency_keys::expires_at.le(Val(now));
    // Where a batch ends: neither database deletes the first so many rows of a key of three columns.
    let last: Option<Timestamp> = idempotency_keys::table
        .filter(expired)
        .order(idempotency_keys::expires_at.asc())
        .offset(PRUNED - 1)
        .select(idempotency_keys::expires_at)
        .first(conn)
        .await
        .optional()?;
    let until = idempotency_keys::expires_at.le(Val(last.unwrap_or(now)));
    let gone = delete(idempotency_keys::table.filter(until)).execute(conn).await?;
    Ok(u64::try_from(gone).unwrap_or(u64::MAX))
}
