//! [`Identity`]: the ports that the use cases of this domain work through.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use velox_kernel::{Clock, Ids, OrgId, SessionId, Timestamp, UserId};

use crate::cache::BoundedCache;
use crate::{
    AccessListener, Claims, IdentityStore, PasswordHasher, Secrets, SessionStanding, StoreError, TokenSigner, User,
};

/// How this installation lets people in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityConfig {
    /// Whether anybody may register. Off by default.
    pub registration_open: bool,
    /// How long an access token lasts: 5 minutes by default, at most 10.
    pub access_lifetime: Duration,
    /// How long an unused refresh token lasts: 7 days by default.
    pub refresh_lifetime: Duration,
    /// How long a session lasts, however often it is refreshed: 30 days by default.
    pub session_lifetime: Duration,
    /// How long the direct predecessor of a refresh token is still taken: 10 seconds by default.
    pub refresh_overlap: Duration,
    /// The most access tokens remembered as verified: 10,000 by default.
    pub verified_tokens: usize,
    /// The most sessions, and the most users, remembered: 10,000 each by default.
    pub remembered: usize,
    /// How long a remembered session or user is believed without asking the store: 1 second by default. Within this
    /// process an end is seen at once; this bounds how late another process on the same store sees it.
    pub cache_max_age: Duration,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self {
            registration_open: false,
            access_lifetime: Duration::from_secs(5 * 60),
            refresh_lifetime: Duration::from_secs(7 * 24 * 3_600),
            session_lifetime: Duration::from_secs(30 * 24 * 3_600),
            refresh_overlap: Duration::from_secs(10),
            verified_tokens: 10_000,
            remembered: 10_000,
            cache_max_age: Duration::from_secs(1),
        }
    }
}

/// The longest an access token may last.
const LONGEST_ACCESS: Duration = Duration::from_secs(10 * 60);

/// The adapters behind this domain.
#[derive(Clone)]
pub struct IdentityPorts {
    /// Where users and sessions are kept.
    pub store: Arc<dyn IdentityStore>,
    /// Hashes passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Signs access tokens.
    pub signer: Arc<dyn TokenSigner>,
    /// Makes secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Hears of access that ends or changes.
    pub access_listener: Arc<dyn AccessListener>,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
}

/// What the use cases of identity work with. Share it in an `Arc`: it holds the caches.
pub struct Identity {
    pub(crate) ports: IdentityPorts,
    pub(crate) config: IdentityConfig,
    pub(crate) verified: BoundedCache<Box<str>, Claims>,
    sessions: BoundedCache<SessionId, Remembered<SessionStanding>>,
    users: BoundedCache<UserId, Remembered<Arc<User>>>,
    host: OnceLock<OrgId>,
}

#[derive(Clone)]
struct Remembered<T> {
    value: T,
    at: Timestamp,
}

/// A clock that went back makes nothing fresh: what was remembered "later" than now is asked for again.
fn is_fresh<T>(known: &Remembered<T>, now: Timestamp, age: Duration) -> bool {
    known.at <= now && now.since(known.at) < age
}

impl Identity {
    /// Puts the ports together. An access lifetime above 10 minutes is cut to that.
    #[must_use]
    pub fn new(ports: IdentityPorts, mut config: IdentityConfig) -> Self {
        config.access_lifetime = config.access_lifetime.min(LONGEST_ACCESS);
        Self {
            verified: BoundedCache::new(config.verified_tokens),
            sessions: BoundedCache::new(config.remembered),
            users: BoundedCache::new(config.remembered),
            host: OnceLock::new(),
            ports,
            config,
        }
    }

    /// How this installation lets people in.
    #[must_use]
    pub const fn config(&self) -> &IdentityConfig {
        &self.config
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// How a session stands: from memory, or from the store.
    pub(crate) async fn standing(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Option<SessionStanding>, StoreError> {
        self.standing_within(session, now, self.config.cache_max_age).await
    }

    /// How a session stood no longer ago than `age`, nor than memory is believed at all.
    pub(crate) async fn standing_within(
        &self,
        session: SessionId,
        now: Timestamp,
        age: Duration,
    ) -> Result<Option<SessionStanding>, StoreError> {
        if let Some(known) = self.sessions.get(&session)
            && is_fresh(&known, now, age.min(self.config.cache_max_age))
        {
            return Ok(Some(known.value));
        }
        let epoch = self.sessions.epoch();
        let standing = self.ports.store.session_standing(session).await?;
        if let Some(value) = standing {
            self.sessions.insert(session, Remembered { value, at: now }, epoch);
        }
        Ok(standing)
    }

    /// A user: from memory, or from the store.
    pub(crate) async fn remembered_user(&self, org: OrgId, user: UserId) -> Result<Option<Arc<User>>, StoreError> {
        let now = self.now();
        if let Some(known) = self.users.get(&user)
            && is_fresh(&known, now, self.config.cache_max_age)
            && known.value.org == org
        {
            return Ok(Some(known.value));
        }
        let epoch = self.users.epoch();
        let found = self.ports.store.user(org, user).await?.map(Arc::new);
        if let Some(value) = &found {
            self.users.insert(user, Remembered { value: Arc::clone(value), at: now }, epoch);
        }
        Ok(found)
    }

    /// The organisation that runs the installation. Once there is one it never changes, so it is asked for once.
    pub(crate) async fn host(&self) -> Result<Option<OrgId>, StoreError> {
        if let Some(known) = self.host.get() {
            return Ok(Some(*known));
        }
        let found = self.ports.store.host().await?;
        Ok(found.map(|host| *self.host.get_or_init(|| host)))
    }

    /// Forgets a user when it goes out of scope. Taken before a write: a request that is given up half-way may have
    /// committed, and then must not leave the old state in memory.
    pub(crate) const fn forget_user(&self, user: UserId) -> Forget<'_> {
        Forget { identity: self, user }
    }

    /// Another process has ended a session: what is remembered of it is forgotten.
    pub fn forget_session(&self, session: SessionId) {
        self.sessions.remove(&session);
    }

    /// Another process has changed a user: what is remembered of the user and of the user's sessions is forgotten.
    pub fn forget_changed(&self, user: UserId) {
        self.users.remove(&user);
        self.sessions.invalidate(|_, known| known.value.user == user);
    }

    /// Other processes may have changed anything: users and sessions are read anew.
    pub fn forget_all(&self) {
        self.users.invalidate(|_, _| true);
        self.sessions.invalidate(|_, _| true);
    }

    /// Forgets sessions that have ended, and tells whoever listens.
    pub(crate) fn sessions_ended(&self, ended: &[SessionId]) {
        for session in ended {
            self.sessions.remove(session);
        }
        if !ended.is_empty() {
            self.ports.access_listener.sessions_ended(ended);
        }
    }
}

/// See [`Identity::forget_user`].
pub(crate) struct Forget<'a> {
    identity: &'a Identity,
    user: UserId,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.identity.forget_changed(self.user);
        self.identity.ports.access_listener.user_changed(self.user);
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("config", &self.config).finish_non_exhaustive()
    }
}
