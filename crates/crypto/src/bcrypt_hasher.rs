//! [`BcryptHasher`]: passwords, slowly.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bcrypt::BcryptError;
use velox_identity::{HasherError, Password, PasswordHash, PasswordHasher};
use zeroize::Zeroizing;

use crate::KeyRing;
use crate::hash_pool::{HashPool, NotDone};
use crate::key::Key;

/// How slowly passwords are hashed, and beside whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BcryptConfig {
    /// The binary logarithm of the rounds: 4 to 31, 12 by default (a quarter of a second on a common core).
    pub cost: u32,
    /// Threads that hash: by default one fewer than there are cores, at least 1.
    pub threads: usize,
    /// Passwords that may wait for a thread: 32 by default.
    pub waiting: usize,
}

impl Default for BcryptConfig {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Self { cost: 12, threads: cores.saturating_sub(1).max(1), waiting: 32 }
    }
}

/// bcrypt (`$2b$`) over HMAC-SHA-256 of the password under a pepper, in base64.
///
/// The keyed pre-hash makes every password 43 characters of plain text: nothing is cut at 72 bytes, nothing ends at a
/// NUL, and a stolen table of hashes is worth nothing without the key file.
pub struct BcryptHasher {
    pepper: Key,
    cost: u32,
    pool: HashPool,
}

impl BcryptHasher {
    /// Starts the pool.
    ///
    /// # Errors
    /// The system gives no threads, or the cost is outside 4 to 31.
    pub fn new(keys: &KeyRing, config: BcryptConfig) -> io::Result<Self> {
        let BcryptConfig { cost, threads, waiting } = config;
        if !(4..=31).contains(&cost) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the bcrypt cost must be between 4 and 31"));
        }
        Ok(Self { pepper: keys.pepper.clone(), cost, pool: HashPool::new(threads, waiting)? })
    }

    fn prehash(&self, password: &Password) -> Zeroizing<String> {
        let mac = Zeroizing::new(self.pepper.mac(&[b"velox/password/v1", password.reveal().as_bytes()]));
        Zeroizing::new(STANDARD_NO_PAD.encode(mac.as_slice()))
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, BcryptError> + Send + 'static,
    ) -> Result<T, HasherError> {
        match self.pool.run(work).await {
            Ok(done) => done.map_err(|error| HasherError::Failed(error.to_string())),
            Err(NotDone::Overloaded) => Err(HasherError::Overloaded),
            Err(NotDone::Broken) => Err(HasherError::Failed("the hashing thread failed".into())),
        }
    }
}

#[async_trait]
impl PasswordHasher for BcryptHasher {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HasherError> {
        let (prehash, cost) = (self.prehash(password), self.cost);
        self.run(move || bcrypt::non_truncating_hash(prehash.as_bytes(), cost)).await.map(PasswordHash::new)
    }

    async fn verify(&self, password: &Password, hash: &PasswordHash) -> Result<bool, HasherError> {
        let (prehash, hash) = (self.prehash(password), hash.clone());
        self.run(move || bcrypt::non_truncating_verify(prehash.as_bytes(), hash.as_str())).await
    }

    /// A hash of the right form and cost with a salt and a result of zeros: to find a password for it is to invert
    /// bcrypt, and to build it costs nothing at the start.
    fn decoy(&self) -> PasswordHash {
        PasswordHash::new(format!("$2b${:02}${}", self.cost, ".".repeat(53)))
    }
}

impl fmt::Debug for BcryptHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BcryptHasher").field("cost", &self.cost).finish_non_exhaustive()
    }
}
