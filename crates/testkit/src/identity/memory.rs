//! [`MemoryIdentityStore`].

use async_trait::async_trait;
use parking_lot::Mutex;
use velox_identity::{
    AccessChange, Email, EndSessions, IdentityStore, NewSession, NewUser, Org, PasswordChange, PasswordChanged,
    RefreshRecord, RefreshVerdict, RotateRefresh, Rotation, Session, SessionStanding, StoreError, User, UserCreation,
    judge_refresh,
};
use velox_kernel::{OrgId, SessionId, Timestamp, UserId};

/// Rows of a kind that one pruning takes.
const PRUNED: usize = 1_000;

/// Users and sessions in memory; each method holds one lock from its start to its end.
#[derive(Debug, Default)]
pub struct MemoryIdentityStore(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    orgs: Vec<Org>,
    users: Vec<User>,
    sessions: Vec<Session>,
    refresh: Vec<RefreshRecord>,
}

impl Tables {
    fn user(&mut self, org: OrgId, id: UserId) -> Option<&mut User> {
        self.users.iter_mut().find(|user| user.org == org && user.id == id)
    }

    fn open(&mut self, new: &NewSession) {
        self.sessions.push(new.session.clone());
        self.refresh.push(new.refresh);
    }

    fn end(&mut self, user: UserId, only: Option<SessionId>, now: Timestamp) -> Vec<SessionId> {
        let live = |session: &&mut Session| session.user == user && session.is_live(now);
        let wanted = |session: &&mut Session| only.is_none_or(|only| only == session.id);
        self.sessions
            .iter_mut()
            .filter(live)
            .filter(wanted)
            .map(|session| {
                session.revoked_at = Some(now);
                session.id
            })
            .collect()
    }

    fn standing(&self, id: SessionId) -> Option<SessionStanding> {
        let session = self.sessions.iter().find(|session| session.id == id)?;
        let user = self.users.iter().find(|user| user.id == session.user)?;
        Some(SessionStanding {
            session: id,
            org: session.org,
            user: session.user,
            role: user.role,
            session_version: user.session_version,
            disabled: user.disabled,
            revoked: session.revoked_at.is_some(),
            expires_at: session.expires_at,
        })
    }
}

#[async_trait]
impl IdentityStore for MemoryIdentityStore {
    async fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.0.lock().users.is_empty())
    }

    async fn host(&self) -> Result<Option<OrgId>, StoreError> {
        Ok(self.0.lock().users.first().map(|user| user.org))
    }

    async fn create_user(&self, new: &NewUser) -> Result<UserCreation, StoreError> {
        let mut tables = self.0.lock();
        if new.only_if_empty && !tables.users.is_empty() {
            return Ok(UserCreation::NotEmpty);
        }
        if tables.users.iter().any(|user| user.email == new.user.email) {
            return Ok(UserCreation::EmailTaken);
        }
        tables.orgs.push(new.org.clone());
        tables.users.push(new.user.clone());
        if let Some(session) = &new.session {
            tables.open(session);
        }
        Ok(UserCreation::Created)
    }

    async fn user_by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        Ok(self.0.lock().users.iter().find(|user| user.email == *email).cloned())
    }

    async fn user(&self, org: OrgId, user: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.0.lock().user(org, user).cloned())
    }

    async fn session_standing(&self, session: SessionId) -> Result<Option<SessionStanding>, StoreError> {
        Ok(self.0.lock().standing(session))
    }

    async fn live_sessions(
        &self,
        org: OrgId,
        user: UserId,
        now: Timestamp,
        limit: u16,
    ) -> Result<Vec<Session>, StoreError> {
        let tables = self.0.lock();
        let live = |session: &&Session| session.org == org && session.user == user && session.is_live(now);
        let mut sessions: Vec<_> = tables.sessions.iter().filter(live).cloned().collect();
        sessions.sort_by_key(|session| std::cmp::Reverse((session.last_used_at, session.id)));
        sessions.truncate(usize::from(limit));
        Ok(sessions)
    }

    async fn open_session(&self, new: &NewSession, session_version: u64) -> Result<bool, StoreError> {
        let mut tables = self.0.lock();
        let user = tables.user(new.session.org, new.session.user);
        let fits = user.is_some_and(|user| !user.disabled && user.session_version == session_version);
        if fits {
            tables.open(new);
        }
        Ok(fits)
    }

    async fn rotate_refresh(&self, rotate: &RotateRefresh) -> Result<Rotation, StoreError> {
        let tables = &mut *self.0.lock();
        let Some(presented) = tables.refresh.iter().find(|token| token.digest == rotate.presented).copied() else {
            return Ok(Rotation::Unknown);
        };
        let Some(standing) = tables.standing(presented.session) else { return Ok(Rotation::Unknown) };
        let Some(session) = tables.sessions.iter_mut().find(|session| session.id == presented.session) else {
            return Ok(Rotation::Unknown);
        };
        let sibling = match judge_refresh(&presented, session, standing.disabled, rotate.now, rotate.overlap) {
            RefreshVerdict::Ended => return Ok(Rotation::Ended),
            RefreshVerdict::Expired => return Ok(Rotation::Expired),
            RefreshVerdict::Reuse => {
                session.revoked_at = Some(rotate.now);
                return Ok(Rotation::Reused { session: session.id, user: session.user });
            }
            RefreshVerdict::Sibling => true,
            RefreshVerdict::Rotate => {
                session.generation += 1;
                session.rotated_at = rotate.now;
                false
            }
        };
        session.last_used_at = rotate.now;
        let refresh_expires_at = rotate.now.plus(rotate.lifetime).min(session.expires_at);
        tables.refresh.push(RefreshRecord {
            digest: rotate.successor,
            session: session.id,
            generation: session.generation,
            issued_at: rotate.now,
            expires_at: refresh_expires_at,
        });
        Ok(Rotation::Rotated { standing, refresh_expires_at, sibling })
    }

    async fn end_sessions(&self, end: &EndSessions) -> Result<Vec<SessionId>, StoreError> {
        let mut tables = self.0.lock();
        let Some(user) = tables.user(end.org, end.user) else { return Ok(Vec::new()) };
        if end.only.is_none() {
            user.session_version += 1;
        }
        Ok(tables.end(end.user, end.only, end.now))
    }

    async fn change_password(&self, change: &PasswordChange) -> Result<PasswordChanged, StoreError> {
        let mut tables = self.0.lock();
        let user = tables.user(change.org, change.user);
        let fits = |user: &&mut User| !user.disabled && user.session_version == change.expected_session_version;
        let Some(user) = user.filter(fits) else { return Ok(PasswordChanged::Stale) };
        user.password_hash = change.hash.clone();
        user.session_version += 1;
        user.updated_at = change.now;
        let session_version = user.session_version;
        let ended = tables.end(change.user, None, change.now);
        tables.open(&change.session);
        Ok(PasswordChanged::Changed { ended, session_version })
    }

    async fn update_user(&self, user: &User) -> Result<bool, StoreError> {
        let mut tables = self.0.lock();
        let Some(kept) = tables.user(user.org, user.id).filter(|kept| kept.version == user.version) else {
            return Ok(false);
        };
        kept.display_name = user.display_name.clone();
        kept.settings = user.settings.clone();
        kept.risk_settings = user.risk_settings.clone();
        kept.updated_at = user.updated_at;
        kept.version += 1;
        Ok(true)
    }

    async fn change_access(&self, change: &AccessChange) -> Result<Option<Vec<SessionId>>, StoreError> {
        let mut tables = self.0.lock();
        let Some(user) = tables.user(change.org, change.user) else { return Ok(None) };
        user.role = change.role;
        user.disabled = change.disabled;
        user.session_version += 1;
        user.version += 1;
        user.updated_at = change.now;
        Ok(Some(tables.end(change.user, None, change.now)))
    }

    async fn prune(&self, before: Timestamp) -> Result<u64, StoreError> {
        let tables = &mut *self.0.lock();
        let count = tables.refresh.len() + tables.sessions.len();
        let end = |session: &Session| session.revoked_at.unwrap_or(session.expires_at).min(session.expires_at);
        let ended: Vec<_> = tables.sessions.iter().filter(|session| end(session) < before).map(|one| one.id).collect();
        let mut room = PRUNED;
        tables.refresh.retain(|token| {
            let goes = room > 0 && (token.expires_at < before || ended.contains(&token.session));
            room -= usize::from(goes);
            !goes
        });
        let refresh = &tables.refresh;
        let mut room = PRUNED;
        tables.sessions.retain(|session| {
            let has_token = refresh.iter().any(|token| token.session == session.id);
            let goes = room > 0 && ended.contains(&session.id) && !has_token;
            room -= usize::from(goes);
            !goes
        });
        let gone = count - tables.refresh.len() - tables.sessions.len();
        Ok(u64::try_from(gone).unwrap_or(u64::MAX))
    }
}
