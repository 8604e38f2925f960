//! `authenticate`: from an access token to the one who acts.

use std::time::Duration;

use velox_kernel::{Actor, Timestamp};

use crate::tokens::LONGEST_TOKEN;
use crate::{Claims, Identity, SessionStanding, StoreError, TokenError};

/// Why a token lets nobody in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticateError {
    /// Not a token of this installation, or changed on the way.
    #[error("the access token is not valid")]
    Invalid,
    /// It has ended: refresh it.
    #[error("the access token has expired")]
    Expired,
    /// The session was ended, its user disabled, or the password changed: sign in again.
    #[error("the session was ended")]
    SessionEnded,
    /// The session's standing could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Says who acts, with the role that the user has now.
///
/// The signature is checked once a token and then remembered; the end of the token, the session's standing and the
/// session version are checked on every call. With both in memory there is no await, no lock that waits for I/O and no
/// cryptography.
///
/// # Errors
/// See [`AuthenticateError`].
pub async fn authenticate(identity: &Identity, token: &str) -> Result<Actor, AuthenticateError> {
    let now = identity.now();
    let claims = verified_claims(identity, token, now)?;
    match identity.standing(claims.session, now).await? {
        Some(standing) => admit(&claims, &standing, now),
        None => Err(AuthenticateError::SessionEnded),
    }
}

/// Whether an actor that was admitted before still would be, as known no longer ago than `age`: for connections that
/// outlive their request.
///
/// # Errors
/// [`StoreError`] when it is not in memory and the store does not answer.
pub async fn still_stands(identity: &Identity, actor: &Actor, age: Duration) -> Result<bool, StoreError> {
    let now = identity.now();
    let standing = identity.standing_within(actor.session, now, age).await?;
    Ok(standing.is_some_and(|standing| {
        standing.is_live(now) && (standing.user, standing.org, standing.role) == (actor.user, actor.org, actor.role)
    }))
}

fn verified_claims(identity: &Identity, token: &str, now: Timestamp) -> Result<Claims, AuthenticateError> {
    if token.len() > LONGEST_TOKEN {
        return Err(AuthenticateError::Invalid);
    }
    if let Some(claims) = identity.verified.get(token) {
        return if now < claims.expires_at { Ok(claims) } else { Err(AuthenticateError::Expired) };
    }
    let epoch = identity.verified.epoch();
    let claims = identity.ports.signer.verify(token, now).map_err(|error| match error {
        TokenError::Invalid => AuthenticateError::Invalid,
        TokenError::Expired => AuthenticateError::Expired,
    })?;
    identity.verified.insert(token.into(), claims, epoch);
    Ok(claims)
}

fn admit(claims: &Claims, standing: &SessionStanding, now: Timestamp) -> Result<Actor, AuthenticateError> {
    if (claims.user, claims.org) != (standing.user, standing.org) {
        return Err(AuthenticateError::Invalid);
    }
    if !standing.is_live(now) || claims.session_version != standing.session_version {
        return Err(AuthenticateError::SessionEnded);
    }
    Ok(Actor { org: standing.org, user: standing.user, role: standing.role, session: standing.session })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use velox_kernel::Role;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_seconds(1_000)
    }

    fn outcome(change: impl FnOnce(&mut SessionStanding)) -> Result<Actor, AuthenticateError> {
        let claims = Claims {
            user: "usr_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            org: "org_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            session: "ses_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            session_version: 3,
            issued_at: now(),
            expires_at: now().plus(Duration::from_secs(300)),
        };
        let mut standing = SessionStanding {
            session: claims.session,
            org: claims.org,
            user: claims.user,
            role: Role::Viewer,
            session_version: 3,
            disabled: false,
            revoked: false,
            expires_at: now().plus(Duration::from_secs(1)),
        };
        change(&mut standing);
        admit(&claims, &standing, now())
    }

    #[test]
    fn each_reason_alone_is_enough_to_stay_out() {
        assert_eq!(outcome(|_| ()).unwrap().role, Role::Viewer);
        let ended = Err(AuthenticateError::SessionEnded);
        assert_eq!(outcome(|standing| standing.session_version = 4), ended, "a token of an older version");
        assert_eq!(outcome(|standing| standing.session_version = 2), ended);
        assert_eq!(outcome(|standing| standing.disabled = true), ended);
        assert_eq!(outcome(|standing| standing.revoked = true), ended);
        assert_eq!(outcome(|standing| standing.expires_at = now()), ended);
        let other = "usr_01h455vb4pex5vsknk084sn02r".parse().unwrap();
        assert_eq!(outcome(|standing| standing.user = other), Err(AuthenticateError::Invalid));
    }
}
