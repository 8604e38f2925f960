//! The other ports: hashing, signing, secrets, and who listens for sessions that end.

use async_trait::async_trait;
use velox_kernel::{Digest, SessionId, Timestamp, UserId};

use crate::{AccessToken, Claims, GeneratedPassword, Password, PasswordHash, RefreshToken};

/// Hashes passwords, slowly and on purpose, in a pool of its own.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// What to keep of a password.
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HasherError>;

    /// Whether the password is the one the hash was made of.
    async fn verify(&self, password: &Password, hash: &PasswordHash) -> Result<bool, HasherError>;

    /// A hash that no password fits and that takes as long to check as any: for addresses that nobody has.
    fn decoy(&self) -> PasswordHash;
}

/// Why a password was not hashed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HasherError {
    /// The pool's queue is full; nothing was done.
    #[error("too many passwords are waiting to be checked")]
    Overloaded,
    /// The hash cannot be read, or the machine gives no randomness.
    #[error("the password could not be hashed: {0}")]
    Failed(String),
}

/// Signs access tokens and checks them.
///
/// A token is bound to its type, the audience and the environment of this installation: one made for another of them
/// is [`TokenError::Invalid`].
pub trait TokenSigner: Send + Sync {
    /// A token that says `claims`.
    fn sign(&self, claims: &Claims) -> Result<AccessToken, SigningFailed>;

    /// What a token says, if the signature holds and it has not ended at `now`.
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError>;
}

/// A token that could not be signed: the claims or the key do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token could not be signed: {0}")]
pub struct SigningFailed(pub String);

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of ours, or changed on the way.
    #[error("is not a valid access token")]
    Invalid,
    /// It has ended.
    #[error("has expired")]
    Expired,
}

/// Makes secrets and takes their digests.
pub trait Secrets: Send + Sync {
    /// A new refresh token of at least 256 random bits.
    fn refresh_token(&self) -> Result<RefreshToken, NoRandomness>;

    /// A new password of at least 100 random bits that the policy accepts.
    fn password(&self) -> Result<GeneratedPassword, NoRandomness>;

    /// The keyed digest that a refresh token is kept as.
    fn digest(&self, token: &RefreshToken) -> Digest;
}

/// The machine gives no randomness.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the machine gives no random bytes: {0}")]
pub struct NoRandomness(pub String);

/// Listens for access that ends or changes: to close sockets, and so that no other process goes on with what it
/// remembers. Called after the change is durable; it must not block.
pub trait AccessListener: Send + Sync {
    /// These sessions have just ended.
    fn sessions_ended(&self, sessions: &[SessionId]);

    /// This user's profile, settings or access may have just changed.
    fn user_changed(&self, user: UserId);
}
