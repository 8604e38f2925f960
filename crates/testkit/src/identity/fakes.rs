//! Hashing, signing and secrets without cryptography, for tests of the use cases.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use velox_identity::{
    AccessListener, AccessToken, Claims, GeneratedPassword, HasherError, NoRandomness, Password, PasswordHash,
    PasswordHasher, RefreshToken, Secrets, SigningFailed, TokenError, TokenSigner,
};
use velox_kernel::{Digest, SessionId, Timestamp, UserId};

/// Keeps passwords as they are, counts its checks, and is overloaded when told so.
#[derive(Debug, Default)]
pub struct PlainHasher {
    /// How many passwords were checked.
    pub checks: AtomicUsize,
    /// Whether every call is refused.
    pub overloaded: AtomicBool,
}

impl PlainHasher {
    fn answer<T>(&self, value: T) -> Result<T, HasherError> {
        if self.overloaded.load(Ordering::SeqCst) { Err(HasherError::Overloaded) } else { Ok(value) }
    }
}

#[async_trait]
impl PasswordHasher for PlainHasher {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HasherError> {
        self.answer(PasswordHash::new(format!("plain:{}", password.reveal())))
    }

    async fn verify(&self, password: &Password, hash: &PasswordHash) -> Result<bool, HasherError> {
        self.checks.fetch_add(1, Ordering::SeqCst);
        self.answer(hash.as_str() == format!("plain:{}", password.reveal()))
    }

    fn decoy(&self) -> PasswordHash {
        PasswordHash::new("decoy")
    }
}

/// Writes claims as text, and counts how often it reads them.
#[derive(Debug, Default)]
pub struct PlainSigner {
    /// How many tokens were verified.
    pub verified: AtomicUsize,
}

impl TokenSigner for PlainSigner {
    fn sign(&self, claims: &Claims) -> Result<AccessToken, SigningFailed> {
        let Claims { user, org, session, session_version, issued_at, expires_at } = claims;
        let (from, to) = (issued_at.micros(), expires_at.micros());
        Ok(AccessToken::new(format!("plain {user} {org} {session} {session_version} {from} {to}")))
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        self.verified.fetch_add(1, Ordering::SeqCst);
        let words: Vec<&str> = token.split(' ').collect();
        let ["plain", user, org, session, version, from, to] = words.as_slice() else {
            return Err(TokenError::Invalid);
        };
        let time = |text: &str| text.parse().map(Timestamp::from_micros).map_err(|_| TokenError::Invalid);
        let claims = Claims {
            user: user.parse().map_err(|_| TokenError::Invalid)?,
            org: org.parse().map_err(|_| TokenError::Invalid)?,
            session: session.parse().map_err(|_| TokenError::Invalid)?,
            session_version: version.parse().map_err(|_| TokenError::Invalid)?,
            issued_at: time(from)?,
            expires_at: time(to)?,
        };
        if now < claims.expires_at { Ok(claims) } else { Err(TokenError::Expired) }
    }
}

/// Secrets that count up.
#[derive(Debug, Default)]
pub struct CountingSecrets(AtomicU64);

impl CountingSecrets {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

impl Secrets for CountingSecrets {
    fn refresh_token(&self) -> Result<RefreshToken, NoRandomness> {
        Ok(RefreshToken::new(format!("refresh-{}", self.next())))
    }

    fn password(&self) -> Result<GeneratedPassword, NoRandomness> {
        Ok(GeneratedPassword::new(format!("made up and long {}", self.next())))
    }

    /// The token's bytes, folded; different for tokens of up to 32 bytes.
    fn digest(&self, token: &RefreshToken) -> Digest {
        let mut bytes = [0_u8; 32];
        for (place, byte) in token.reveal().bytes().enumerate() {
            bytes[place % 32] ^= byte;
        }
        Digest::new(bytes)
    }
}

/// Remembers which sessions it was told of.
#[derive(Debug, Default)]
pub struct EndedSessions(Mutex<Vec<SessionId>>);

impl EndedSessions {
    /// The sessions since the last call, in the order they ended.
    pub fn take(&self) -> Vec<SessionId> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl AccessListener for EndedSessions {
    fn sessions_ended(&self, sessions: &[SessionId]) {
        self.0.lock().extend_from_slice(sessions);
    }

    fn user_changed(&self, _: UserId) {}
}
