//! `refresh_session`: a refresh token buys the next pair, once.

use crate::tokens::LONGEST_TOKEN;
use crate::{Claims, Identity, IdentityFailure, RefreshToken, RotateRefresh, Rotation, Tokens};

/// Why a refresh token bought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshSessionError {
    /// Unknown, expired, or of a session that was ended.
    #[error("the refresh token is unknown or no longer valid")]
    Invalid,
    /// Used before: somebody has a copy, so the session was ended.
    #[error("the refresh token was used before; its session was ended")]
    Reused,
    /// A port failed.
    #[error(transparent)]
    Failure(#[from] IdentityFailure),
}

/// Gives the next pair of tokens for a refresh token.
///
/// The newest token of a session rotates. Its direct predecessor is taken for a few seconds more, because two requests
/// of one client may cross. Anything older ends the session.
///
/// # Errors
/// See [`RefreshSessionError`].
pub async fn refresh_session(identity: &Identity, presented: &RefreshToken) -> Result<Tokens, RefreshSessionError> {
    if presented.reveal().len() > LONGEST_TOKEN {
        return Err(RefreshSessionError::Invalid);
    }
    let secrets = &identity.ports.secrets;
    let refresh = secrets.refresh_token().map_err(IdentityFailure::from)?;
    let now = identity.now();
    let rotate = RotateRefresh {
        presented: secrets.digest(presented),
        successor: secrets.digest(&refresh),
        now,
        overlap: identity.config.refresh_overlap,
        lifetime: identity.config.refresh_lifetime,
    };
    match identity.ports.store.rotate_refresh(&rotate).await.map_err(IdentityFailure::from)? {
        Rotation::Rotated { standing, refresh_expires_at, sibling: _ } => {
            let claims = Claims {
                user: standing.user,
                org: standing.org,
                session: standing.session,
                session_version: standing.session_version,
                issued_at: now,
                expires_at: now.plus(identity.config.access_lifetime).min(standing.expires_at),
            };
            let access = identity.ports.signer.sign(&claims).map_err(IdentityFailure::from)?;
            Ok(Tokens {
                session: standing.session,
                access,
                access_expires_at: claims.expires_at,
                refresh,
                refresh_expires_at,
            })
        }
        Rotation::Unknown | Rotation::Expired | Rotation::Ended => Err(RefreshSessionError::Invalid),
        Rotation::Reused { session, user } => {
            drop(identity.forget_user(user));
            identity.sessions_ended(&[session]);
            Err(RefreshSessionError::Reused)
        }
    }
}
