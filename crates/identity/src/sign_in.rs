//! What every way in shares: a new session with its first pair of tokens.

use velox_kernel::{SessionId, Timestamp};

use crate::{
    Claims, HasherError, Identity, NewSession, NoRandomness, RefreshRecord, RefreshToken, Session, SessionLabel,
    SigningFailed, StoreError, Tokens, User,
};

/// A user who has just signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// The sign-in.
    pub session: SessionId,
    /// What the client goes on with.
    pub tokens: Tokens,
}

/// Why something that concerns no rule failed: a port did.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityFailure {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The pool that hashes passwords.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// The signer.
    #[error(transparent)]
    Signer(#[from] SigningFailed),
    /// The machine's randomness.
    #[error(transparent)]
    Secrets(#[from] NoRandomness),
}

/// A session that is not kept yet.
pub(crate) struct Draft {
    pub(crate) new: NewSession,
    refresh: RefreshToken,
}

/// Draws up a session for a user.
pub(crate) fn draft_session(
    identity: &Identity,
    user: &User,
    label: SessionLabel,
    now: Timestamp,
) -> Result<Draft, NoRandomness> {
    let id = SessionId::new(identity.ports.ids.next());
    let refresh = identity.ports.secrets.refresh_token()?;
    let expires_at = now.plus(identity.config.session_lifetime);
    let session = Session {
        id,
        org: user.org,
        user: user.id,
        label,
        created_at: now,
        last_used_at: now,
        expires_at,
        revoked_at: None,
        generation: 1,
        rotated_at: now,
    };
    let record = RefreshRecord {
        digest: identity.ports.secrets.digest(&refresh),
        session: id,
        generation: 1,
        issued_at: now,
        expires_at: now.plus(identity.config.refresh_lifetime).min(expires_at),
    };
    Ok(Draft { new: NewSession { session, refresh: record }, refresh })
}

impl Draft {
    /// The tokens of the session, now that it is kept, for a user at `user.session_version`.
    pub(crate) fn signed_in(self, identity: &Identity, user: User) -> Result<SignedIn, SigningFailed> {
        let Session { id, org, created_at, expires_at, .. } = self.new.session;
        let claims = Claims {
            user: user.id,
            org,
            session: id,
            session_version: user.session_version,
            issued_at: created_at,
            expires_at: created_at.plus(identity.config.access_lifetime).min(expires_at),
        };
        let tokens = Tokens {
            session: id,
            access: identity.ports.signer.sign(&claims)?,
            access_expires_at: claims.expires_at,
            refresh: self.refresh,
            refresh_expires_at: self.new.refresh.expires_at,
        };
        Ok(SignedIn { user, session: id, tokens })
    }
}
