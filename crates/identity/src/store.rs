//! [`IdentityStore`]: where users and sessions are kept.

use std::time::Duration;

use async_trait::async_trait;
use velox_kernel::{Digest, OrgId, Role, SessionId, Timestamp, UserId};

use crate::{Email, Org, PasswordHash, RefreshRecord, Session, SessionStanding, User};

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Its queue is full; nothing was done.
    #[error("the store is overloaded")]
    Overloaded,
    /// It cannot be reached; nothing was done.
    #[error("the store cannot be reached: {0}")]
    Unavailable(String),
    /// A commit was sent and its outcome could not be read.
    #[error("the outcome of the commit is unknown: {0}")]
    OutcomeUnknown(String),
    /// What it holds cannot be read as what it should be.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

/// Users, sessions and refresh tokens. Each method is one transaction.
///
/// Rows are held to their tenant wherever the caller has one: a `user` method with another organisation's id finds
/// nothing.
#[async_trait]
pub trait IdentityStore: Send + Sync {
    /// Whether there is no user at all.
    async fn is_empty(&self) -> Result<bool, StoreError>;

    /// The organisation of the installation's first user, which runs the installation; `None` while there is no user.
    async fn host(&self) -> Result<Option<OrgId>, StoreError>;

    /// Keeps an organisation, its first user and, if given, the user's first session.
    async fn create_user(&self, new: &NewUser) -> Result<UserCreation, StoreError>;

    /// The user with this address, of whichever organisation, disabled or not: for signing in.
    async fn user_by_email(&self, email: &Email) -> Result<Option<User>, StoreError>;

    /// A user of the organisation.
    async fn user(&self, org: OrgId, user: UserId) -> Result<Option<User>, StoreError>;

    /// How a session stands, ended or not.
    async fn session_standing(&self, session: SessionId) -> Result<Option<SessionStanding>, StoreError>;

    /// The user's sessions that are live at `now`, the last used first, at most `limit`.
    async fn live_sessions(
        &self,
        org: OrgId,
        user: UserId,
        now: Timestamp,
        limit: u16,
    ) -> Result<Vec<Session>, StoreError>;

    /// Keeps a session, provided that its user is enabled and still at `session_version`; says whether it did.
    async fn open_session(&self, new: &NewSession, session_version: u64) -> Result<bool, StoreError>;

    /// Finds the presented token by its digest, locks its session, asks
    /// [`judge_refresh`](crate::judge_refresh) and acts: keeps the successor, or ends the family.
    async fn rotate_refresh(&self, rotate: &RotateRefresh) -> Result<Rotation, StoreError>;

    /// Ends live sessions and says which; none when there was nothing to end.
    async fn end_sessions(&self, end: &EndSessions) -> Result<Vec<SessionId>, StoreError>;

    /// Changes the password, adds one to the session version, ends every session and opens a new one.
    async fn change_password(&self, change: &PasswordChange) -> Result<PasswordChanged, StoreError>;

    /// Writes `display_name`, `settings`, `risk_settings` and `updated_at` of a user, and adds one to the version,
    /// provided that the kept version is still `user.version`; says whether it did.
    async fn update_user(&self, user: &User) -> Result<bool, StoreError>;

    /// Changes a user's role and whether they are disabled, adds one to the session version and the version, and ends
    /// the user's sessions. `None` when the organisation has no such user.
    async fn change_access(&self, change: &AccessChange) -> Result<Option<Vec<SessionId>>, StoreError>;

    /// Deletes refresh tokens that ended before `before` and sessions whose end (`expires_at`, or `revoked_at`) was
    /// before it, with their tokens: at most 1,000 tokens and 1,000 sessions, a session after its last token. Says how
    /// many rows went.
    async fn prune(&self, before: Timestamp) -> Result<u64, StoreError>;
}

/// An organisation with its first user.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The organisation.
    pub org: Org,
    /// The user, in that organisation.
    pub user: User,
    /// The user's first session, when the user signs in at once.
    pub session: Option<NewSession>,
    /// Whether nothing may be done when there is any user already.
    pub only_if_empty: bool,
}

/// What became of a [`NewUser`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserCreation {
    /// Kept.
    Created,
    /// Another user has this address.
    EmailTaken,
    /// It had to be the first user and was not.
    NotEmpty,
}

/// A session with its first refresh token.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The session.
    pub session: Session,
    /// The token, of the session's generation.
    pub refresh: RefreshRecord,
}

/// A refresh token presented for its successor.
#[derive(Clone, Copy, Debug)]
pub struct RotateRefresh {
    /// The digest of what was presented.
    pub presented: Digest,
    /// The digest of what takes its place.
    pub successor: Digest,
    /// Wall time.
    pub now: Timestamp,
    /// How long the direct predecessor is still taken.
    pub overlap: Duration,
    /// How long the successor is taken; never longer than the session.
    pub lifetime: Duration,
}

/// What became of a presented refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The successor is kept: of the next generation (the session's generation, `rotated_at` and `last_used_at` moved),
    /// or beside the present one when two requests crossed (only `last_used_at` moved).
    Rotated {
        /// The session and its user.
        standing: SessionStanding,
        /// When the successor ends.
        refresh_expires_at: Timestamp,
        /// Whether it stands beside another token of its generation.
        sibling: bool,
    },
    /// No token has this digest.
    Unknown,
    /// The token or its session is too old.
    Expired,
    /// The session was ended before, or its user is disabled.
    Ended,
    /// The token was used before: the session is ended now.
    Reused {
        /// The session that was ended.
        session: SessionId,
        /// Whose it was.
        user: UserId,
    },
}

/// Which sessions to end.
#[derive(Clone, Copy, Debug)]
pub struct EndSessions {
    /// The tenant.
    pub org: OrgId,
    /// Whose.
    pub user: UserId,
    /// One of them; every one when `None`, and then the user's session version counts up.
    pub only: Option<SessionId>,
    /// Wall time.
    pub now: Timestamp,
}

/// A new password for a user.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    /// The tenant.
    pub org: OrgId,
    /// Whose.
    pub user: UserId,
    /// The session version that the old password was checked at.
    pub expected_session_version: u64,
    /// What is kept of the new one.
    pub hash: PasswordHash,
    /// The session that goes on with the new password.
    pub session: NewSession,
    /// Wall time.
    pub now: Timestamp,
}

/// What became of a [`PasswordChange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordChanged {
    /// Done.
    Changed {
        /// The sessions that were ended.
        ended: Vec<SessionId>,
        /// The user's session version now.
        session_version: u64,
    },
    /// The user is disabled, gone, or at another session version: nothing was done.
    Stale,
}

/// Another role for a user, or an end of their access.
#[derive(Clone, Copy, Debug)]
pub struct AccessChange {
    /// The tenant.
    pub org: OrgId,
    /// Whose.
    pub user: UserId,
    /// The role from now on.
    pub role: Role,
    /// Whether the user may no longer sign in.
    pub disabled: bool,
    /// Wall time.
    pub now: Timestamp,
}
