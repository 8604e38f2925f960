//! Users, sessions and refresh tokens. Writes run inside the caller's transaction.
//!
//! A row is locked by updating it: that works on both databases.

use diesel::prelude::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, SelectableHelper,
};
use diesel::{delete, insert_into, update};
use velox_identity::{
    AccessChange, Email, EndSessions, NewSession, NewUser, PasswordChange, PasswordChanged, RefreshRecord,
    RefreshVerdict, RotateRefresh, Rotation, Session, SessionStanding, User, UserCreation, judge_refresh,
};
use velox_kernel::{Digest, OrgId, Role, SessionId, Timestamp, UserId};

use super::{Conn, RunQueryDsl};
use crate::failure::Failure;
use crate::record::Upsert;
use crate::rows::{OrgRecord, SessionRecord, TokenRecord, UserRecord, signed, unsigned};
use crate::schema::{installation, refresh_tokens, sessions, users};
use crate::types::{Val, vals};

/// Rows that one pruning takes of each table.
const PRUNED: i64 = 1_000;

/// Whether there is no user at all.
///
/// # Errors
/// [`Failure`].
pub async fn is_empty(conn: &mut Conn) -> Result<bool, Failure> {
    let first: Option<UserId> = users::table.select(users::id).first(conn).await.optional()?;
    Ok(first.is_none())
}

/// The organisation of the installation's first user.
///
/// # Errors
/// [`Failure`].
pub async fn host(conn: &mut Conn) -> Result<Option<OrgId>, Failure> {
    let first = installation::table.inner_join(users::table.on(users::id.eq(installation::first_user_id)));
    Ok(first.select(users::org_id).first(conn).await.optional()?)
}

/// Keeps an organisation, its first user and, if given, the user's first session.
///
/// # Errors
/// [`Failure`].
pub async fn create_user(conn: &mut Conn, new: &NewUser) -> Result<UserCreation, Failure> {
    let NewUser { org, user, session, only_if_empty } = new;
    if *only_if_empty && !is_empty(conn).await? {
        return Ok(UserCreation::NotEmpty);
    }
    // On PostgreSQL this waits for another server that makes the first user at the same time.
    let is_first = insert_into(installation::table)
        .values((installation::id.eq(1), installation::first_user_id.eq(Val(user.id))))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?
        == 1;
    if *only_if_empty && !is_first {
        return Ok(UserCreation::NotEmpty);
    }
    if Upsert(UserRecord::try_from(user)?).execute(conn).await? == 0 {
        return Ok(UserCreation::EmailTaken);
    }
    Upsert(OrgRecord::from(org)).execute(conn).await?;
    if let Some(session) = session {
        keep_session(conn, session).await?;
    }
    Ok(UserCreation::Created)
}

async fn keep_session(conn: &mut Conn, new: &NewSession) -> Result<(), Failure> {
    Upsert(SessionRecord::try_from(&new.session)?).execute(conn).await?;
    Upsert(TokenRecord::new(new.session.org, &new.refresh)?).execute(conn).await?;
    Ok(())
}

/// The user with this address.
///
/// # Errors
/// [`Failure`].
pub async fn user_by_email(conn: &mut Conn, email: &Email) -> Result<Option<User>, Failure> {
    let record: Option<UserRecord> = users::table
        .filter(users::email.eq(email.as_str()))
        .select(UserRecord::as_select())
        .first(conn)
        .await
        .optional()?;
    record.map(User::try_from).transpose()
}

/// A user of the organisation.
///
/// # Errors
/// [`Failure`].
pub async fn user(conn: &mut Conn, org: OrgId, user: UserId) -> Result<Option<User>, Failure> {
    let record: Option<UserRecord> = users::table
        .find(Val(user))
        .filter(users::org_id.eq(Val(org)))
        .select(UserRecord::as_select())
        .first(conn)
        .await
        .optional()?;
    record.map(User::try_from).transpose()
}

/// How a session stands, ended or not.
///
/// # Errors
/// [`Failure`].
pub async fn session_standing(conn: &mut Conn, session: SessionId) -> Result<Option<SessionStanding>, Failure> {
    type Row = (OrgId, UserId, Role, i64, bool, Option<Timestamp>, Timestamp);
    let row: Option<Row> = sessions::table
        .inner_join(users::table.on(users::id.eq(sessions::user_id)))
        .filter(sessions::id.eq(Val(session)))
        .select((
            sessions::org_id,
            sessions::user_id,
            users::role,
            users::session_version,
            users::disabled,
            sessions::revoked_at,
            sessions::expires_at,
        ))
        .first(conn)
        .await
        .optional()?;
    let Some((org, user, role, session_version, disabled, revoked_at, expires_at)) = row else {
        return Ok(None);
    };
    let session_version = unsigned(session_version)?;
    let revoked = revoked_at.is_some();
    Ok(Some(SessionStanding { session, org, user, role, session_version, disabled, revoked, expires_at }))
}

/// The user's sessions that are live at `now`, the last used first.
///
/// # Errors
/// [`Failure`].
pub async fn live_sessions(
    conn: &mut Conn,
    org: OrgId,
    user: UserId,
    now: Timestamp,
    limit: u16,
) -> Result<Vec<Session>, Failure> {
    let records: Vec<SessionRecord> = sessions::table
        .filter(sessions::user_id.eq(Val(user)).and(sessions::org_id.eq(Val(org))))
        .filter(sessions::revoked_at.is_null().and(sessions::expires_at.gt(Val(now))))
        .order((sessions::last_used_at.desc(), sessions::id.desc()))
        .limit(i64::from(limit))
        .select(SessionRecord::as_select())
        .load(conn)
        .await?;
    records.into_iter().map(Session::try_from).collect()
}

/// Keeps a session, provided that its user is enabled and still at `session_version`.
///
/// # Errors
/// [`Failure`].
pub async fn open_session(conn: &mut Conn, new: &NewSession, session_version: u64) -> Result<bool, Failure> {
    let fitting = users::table
        .find(Val(new.session.user))
        .filter(users::org_id.eq(Val(new.session.org)))
        .filter(users::disabled.eq(false).and(users::session_version.eq(signed(session_version)?)));
    let locked = update(fitting).set(users::session_version.eq(users::session_version)).execute(conn).await?;
    if locked == 1 {
        keep_session(conn, new).await?;
    }
    Ok(locked == 1)
}

/// Judges a presented refresh token and acts on the verdict.
///
/// # Errors
/// [`Failure`].
pub async fn rotate_refresh(conn: &mut Conn, rotate: &RotateRefresh) -> Result<Rotation, Failure> {
    let RotateRefresh { presented, successor, now, overlap, lifetime } = *rotate;
    let token: Option<TokenRecord> =
        refresh_tokens::table.find(Val(presented)).select(TokenRecord::as_select()).first(conn).await.optional()?;
    let Some(token) = token.map(RefreshRecord::try_from).transpose()? else {
        return Ok(Rotation::Unknown);
    };
    let locked: Option<SessionRecord> = update(sessions::table.find(Val(token.session)))
        .set(sessions::last_used_at.eq(sessions::last_used_at))
        .returning(SessionRecord::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    let standing = session_standing(conn, token.session).await?;
    let (Some(session), Some(standing)) = (locked.map(Session::try_from).transpose()?, standing) else {
        return Ok(Rotation::Unknown);
    };
    let (generation, rotated_at, sibling) = match judge_refresh(&token, &session, standing.disabled, now, overlap) {
        RefreshVerdict::Ended => return Ok(Rotation::Ended),
        RefreshVerdict::Expired => return Ok(Rotation::Expired),
        RefreshVerdict::Reuse => {
            end(conn, session.org, session.user, Some(session.id), now).await?;
            return Ok(Rotation::Reused { session: session.id, user: session.user });
        }
        RefreshVerdict::Sibling => (session.generation, session.rotated_at, true),
        RefreshVerdict::Rotate => (session.generation + 1, now, false),
    };
    update(sessions::table.find(Val(session.id)))
        .set((
            sessions::generation.eq(signed(generation)?),
            sessions::rotated_at.eq(Val(rotated_at)),
            sessions::last_used_at.eq(Val(now)),
        ))
        .execute(conn)
        .await?;
    let expires_at = now.plus(lifetime).min(session.expires_at);
    let next = RefreshRecord { digest: successor, session: session.id, generation, issued_at: now, expires_at };
    Upsert(TokenRecord::new(session.org, &next)?).execute(conn).await?;
    Ok(Rotation::Rotated { standing, refresh_expires_at: expires_at, sibling })
}

async fn end(
    conn: &mut Conn,
    org: OrgId,
    user: UserId,
    only: Option<SessionId>,
    now: Timestamp,
) -> Result<Vec<SessionId>, Failure> {
    let live = sessions::user_id
        .eq(Val(user))
        .and(sessions::org_id.eq(Val(org)))
        .and(sessions::revoked_at.is_null())
        .and(sessions::expires_at.gt(Val(now)));
    let ended = (sessions::revoked_at.eq(Some(Val(now))), sessions::ends_at.eq(Val(now)));
    let mut ids: Vec<SessionId> = match only {
        Some(only) => {
            let wanted = sessions::table.filter(live).filter(sessions::id.eq(Val(only)));
            update(wanted).set(ended).returning(sessions::id).get_results(conn).await?
        }
        None => update(sessions::table.filter(live)).set(ended).returning(sessions::id).get_results(conn).await?,
    };
    ids.sort_unstable();
    Ok(ids)
}

/// Ends live sessions and says which.
///
/// # Errors
/// [`Failure`].
pub async fn end_sessions(conn: &mut Conn, wish: &EndSessions) -> Result<Vec<SessionId>, Failure> {
    let EndSessions { org, user, only, now } = *wish;
    if only.is_none() {
        let whose = users::table.find(Val(user)).filter(users::org_id.eq(Val(org)));
        let counted = update(whose).set(users::session_version.eq(users::session_version + 1)).execute(conn).await?;
        if counted == 0 {
            return Ok(Vec::new());
        }
    }
    end(conn, org, user, only, now).await
}

/// Changes the password, ends every session and opens a new one.
///
/// # Errors
/// [`Failure`].
pub async fn change_password(conn: &mut Conn, change: &PasswordChange) -> Result<PasswordChanged, Failure> {
    let PasswordChange { org, user, expected_session_version, hash, session, now } = change;
    let fitting = users::table
        .find(Val(*user))
        .filter(users::org_id.eq(Val(*org)))
        .filter(users::disabled.eq(false).and(users::session_version.eq(signed(*expected_session_version)?)));
    let version: Option<i64> = update(fitting)
        .set((
            users::password_hash.eq(hash.as_str()),
            users::session_version.eq(users::session_version + 1),
            users::updated_at.eq(Val(*now)),
        ))
        .returning(users::session_version)
        .get_result(conn)
        .await
        .optional()?;
    let Some(version) = version else {
        return Ok(PasswordChanged::Stale);
    };
    let ended = end(conn, *org, *user, None, *now).await?;
    keep_session(conn, session).await?;
    Ok(PasswordChanged::Changed { ended, session_version: unsigned(version)? })
}

/// Writes a user's profile and settings, provided that the kept version is still the given one.
///
/// # Errors
/// [`Failure`].
pub async fn update_user(conn: &mut Conn, user: &User) -> Result<bool, Failure> {
    let record = UserRecord::try_from(user)?;
    let kept = users::table
        .find(Val(record.id))
        .filter(users::org_id.eq(Val(record.org_id)).and(users::version.eq(record.version)));
    let written = update(kept)
        .set((
            users::display_name.eq(record.display_name),
            users::settings.eq(Val(record.settings)),
            users::risk_settings.eq(Val(record.risk_settings)),
            users::updated_at.eq(Val(record.updated_at)),
            users::version.eq(users::version + 1),
        ))
        .execute(conn)
        .await?;
    Ok(written == 1)
}

/// Changes a user's role and whether they are disabled, and ends the user's sessions.
///
/// # Errors
/// [`Failure`].
pub async fn change_access(conn: &mut Conn, change: &AccessChange) -> Result<Option<Vec<SessionId>>, Failure> {
    let AccessChange { org, user, role, disabled, now } = *change;
    let written = update(users::table.find(Val(user)).filter(users::org_id.eq(Val(org))))
        .set((
            users::role.eq(Val(role)),
            users::disabled.eq(disabled),
            users::session_version.eq(users::session_version + 1),
            users::version.eq(users::version + 1),
            users::updated_at.eq(Val(now)),
        ))
        .execute(conn)
        .await?;
    if written == 0 {
        return Ok(None);
    }
    end(conn, org, user, None, now).await.map(Some)
}

/// Deletes what ended before `before`: at most so many rows of each table.
///
/// # Errors
/// [`Failure`].
pub async fn prune(conn: &mut Conn, before: Timestamp) -> Result<u64, Failure> {
    let expired: Vec<Digest> = refresh_tokens::table
        .filter(refresh_tokens::expires_at.lt(Val(before)))
        .order(refresh_tokens::expires_at.asc())
        .limit(PRUNED)
        .select(refresh_tokens::digest)
        .load(conn)
        .await?;
    let mut gone = delete_tokens(conn, &expired).await?;
    let ended: Vec<SessionId> = sessions::table
        .filter(sessions::ends_at.lt(Val(before)))
        .order(sessions::ends_at.asc())
        .limit(PRUNED)
        .select(sessions::id)
        .load(conn)
        .await?;
    let room = PRUNED - i64::try_from(gone).unwrap_or(PRUNED);
    if !ended.is_empty() && room > 0 {
        // A session that was used for months has thousands of tokens: it goes when the last of them has gone.
        let theirs: Vec<Digest> = refresh_tokens::table
            .filter(refresh_tokens::session_id.eq_any(vals(&ended)))
            .limit(room)
            .select(refresh_tokens::digest)
            .load(conn)
            .await?;
        let deleted = delete_tokens(conn, &theirs).await?;
        gone += deleted;
        if i64::try_from(deleted).is_ok_and(|deleted| deleted < room) {
            gone += delete(sessions::table.filter(sessions::id.eq_any(vals(&ended)))).execute(conn).await?;
        }
    }
    Ok(u64::try_from(gone).unwrap_or(u64::MAX))
}

async fn delete_tokens(conn: &mut Conn, digests: &[Digest]) -> Result<usize, Failure> {
    if digests.is_empty() {
        return Ok(0);
    }
    let tokens = refresh_tokens::table.filter(refresh_tokens::digest.eq_any(vals(digests)));
    Ok(delete(tokens).execute(conn).await?)
}
