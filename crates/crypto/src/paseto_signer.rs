//! [`PasetoSigner`]: access tokens as PASETO v4.public.

use std::fmt;
use std::time::Duration;

use pasetors::Public;
use pasetors::token::UntrustedToken;
use pasetors::version4::{PublicToken, V4};
use serde::{Deserialize, Serialize};
use velox_identity::{AccessToken, Claims, SigningFailed, TokenError, TokenSigner};
use velox_kernel::{OrgId, SessionId, Timestamp, UserId};

use crate::KeyRing;
use crate::key_ring::SigningKey;

/// The longest an access token lasts.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// Signs and verifies access tokens (PASETO specification, version 4, public purpose: Ed25519).
///
/// The footer names the key; the implicit assertion binds the token to its type, its audience and its environment
/// without carrying them, so a token made for another of them does not verify.
pub struct PasetoSigner {
    /// The first one signs, all verify.
    keys: Vec<SigningKey>,
    assertion: Vec<u8>,
}

/// Where tokens are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenBinding {
    /// Who takes them: the installation's name or public address.
    pub audience: String,
    /// Which of its environments, such as `paper` or `live`.
    pub environment: String,
}

/// The payload, with the claims' registered names where there are some.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    sub: UserId,
    org: OrgId,
    sid: SessionId,
    ver: u64,
    iat: Timestamp,
    exp: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Footer<'a> {
    kid: &'a str,
}

impl PasetoSigner {
    /// Takes the signing keys of the ring.
    #[must_use]
    pub fn new(keys: &KeyRing, binding: &TokenBinding) -> Self {
        let TokenBinding { audience, environment } = binding;
        // A JSON array: no choice of audience and environment reads as another one.
        let assertion = serde_json::json!(["velox-access-token-v1", audience, environment]).to_string();
        Self { keys: keys.signing.clone(), assertion: assertion.into_bytes() }
    }
}

impl TokenSigner for PasetoSigner {
    fn sign(&self, claims: &Claims) -> Result<AccessToken, SigningFailed> {
        let failed = |error: &dyn fmt::Display| SigningFailed(error.to_string());
        let Claims { user, org, session, session_version, issued_at, expires_at } = *claims;
        if !is_short(issued_at, expires_at) {
            return Err(SigningFailed("an access token lasts more than nothing and at most 10 minutes".into()));
        }
        let payload = Payload { sub: user, org, sid: session, ver: session_version, iat: issued_at, exp: expires_at };
        let payload = serde_json::to_vec(&payload).map_err(|error| failed(&error))?;
        let key = self.keys.first().ok_or_else(|| SigningFailed("there is no signing key".into()))?;
        let footer = serde_json::to_vec(&Footer { kid: &key.id }).map_err(|error| failed(&error))?;
        PublicToken::sign(&key.secret, &payload, Some(&footer), Some(&self.assertion))
            .map(AccessToken::new)
            .map_err(|error| SigningFailed(format!("{error:?}")))
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let untrusted = UntrustedToken::<Public, V4>::try_from(token).map_err(|_| TokenError::Invalid)?;
        let footer: Footer<'_> =
            serde_json::from_slice(untrusted.untrusted_footer()).map_err(|_| TokenError::Invalid)?;
        let key = self.keys.iter().find(|key| key.id == footer.kid).ok_or(TokenError::Invalid)?;
        let trusted = PublicToken::verify(&key.public, &untrusted, None, Some(&self.assertion))
            .map_err(|_| TokenError::Invalid)?;
        let payload: Payload = serde_json::from_str(trusted.payload()).map_err(|_| TokenError::Invalid)?;
        if !is_short(payload.iat, payload.exp) {
            return Err(TokenError::Invalid);
        }
        if now >= payload.exp {
            return Err(TokenError::Expired);
        }
        let Payload { sub, org, sid, ver, iat, exp } = payload;
        Ok(Claims { user: sub, org, session: sid, session_version: ver, issued_at: iat, expires_at: exp })
    }
}

fn is_short(from: Timestamp, to: Timestamp) -> bool {
    from < to && to.since(from) <= LONGEST
}

impl fmt::Debug for PasetoSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.keys.iter().map(|key| &key.id).collect();
        f.debug_struct("PasetoSigner").field("keys", &ids).finish_non_exhaustive()
    }
}
