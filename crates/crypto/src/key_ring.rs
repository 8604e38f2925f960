//! [`KeyRing`]: every secret of an installation.

use std::fmt;

use pasetors::keys::{AsymmetricKeyPair, AsymmetricPublicKey, AsymmetricSecretKey, Generate};
use pasetors::paserk::{FormatAsPaserk, Id};
use pasetors::version4::V4;
use sha2::{Digest, Sha256};
use velox_identity::NoRandomness;

use crate::WeakKey;
use crate::key::{Key, check_strength, decode};

/// Bytes of an Ed25519 secret key as PASETO has it: the seed and the public key.
const SIGNING_BYTES: usize = 64;
/// The most keys of one purpose: the one in use, and older ones that still verify or open.
pub(crate) const MOST_KEYS: usize = 8;

/// Every secret of an installation. Prints nothing.
///
/// [`KeyRing::load`] reads it, [`KeyRing::create`] makes it. The first key of a list
/// is in use; the others are there for what was signed or sealed before a rotation.
#[derive(Clone)]
pub struct KeyRing {
    pub(crate) pepper: Key,
    pub(crate) digests: Key,
    pub(crate) signing: Vec<SigningKey>,
    pub(crate) master: Vec<MasterKey>,
}

/// A key that signs access tokens.
#[derive(Clone)]
pub(crate) struct SigningKey {
    /// Its PASERK id, `k4.pid.…`: what stands in a token's footer.
    pub(crate) id: String,
    pub(crate) secret: AsymmetricSecretKey<V4>,
    pub(crate) public: AsymmetricPublicKey<V4>,
}

/// A key that wraps the data keys of sealed records.
#[derive(Clone)]
pub(crate) struct MasterKey {
    /// Derived from the key, so that it cannot name another one.
    pub(crate) id: String,
    pub(crate) key: Key,
}

impl KeyRing {
    /// A new key of each purpose, in memory only.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate() -> Result<Self, NoRandomness> {
        Ok(Self {
            pepper: random_key()?,
            digests: random_key()?,
            signing: vec![SigningKey::generate()?],
            master: vec![MasterKey::new(random_key()?)],
        })
    }

    /// The same ring with a new signing key in use; the old ones still verify. Save it afterwards.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn with_new_signing_key(mut self) -> Result<Self, NoRandomness> {
        self.signing.insert(0, SigningKey::generate()?);
        self.signing.truncate(MOST_KEYS);
        Ok(self)
    }

    /// The same ring with a new master key in use; the old ones still open. Save it afterwards. Old master keys are
    /// never dropped here: something may still be sealed with them.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn with_new_master_key(mut self) -> Result<Self, NoRandomness> {
        self.master.insert(0, MasterKey::new(random_key()?));
        Ok(self)
    }
}

fn random_key() -> Result<Key, NoRandomness> {
    Key::random().map_err(|error| NoRandomness(error.to_string()))
}

impl SigningKey {
    fn generate() -> Result<Self, NoRandomness> {
        let pair = AsymmetricKeyPair::<V4>::generate().map_err(|error| NoRandomness(format!("{error:?}")))?;
        Ok(Self { id: paserk_id(&pair.public), secret: pair.secret, public: pair.public })
    }

    /// Reads 128 hexadecimal digits: the seed and the public key that follows from it.
    pub(crate) fn from_hex(text: &str) -> Result<Self, WeakKey> {
        let bytes = decode(text, SIGNING_BYTES)?;
        check_strength(&bytes[..32])?;
        let secret = AsymmetricSecretKey::<V4>::from(&bytes).map_err(|_| WeakKey::NotAKeyPair)?;
        let public = AsymmetricPublicKey::<V4>::try_from(&secret).map_err(|_| WeakKey::NotAKeyPair)?;
        Ok(Self { id: paserk_id(&public), secret, public })
    }
}

impl MasterKey {
    pub(crate) fn new(key: Key) -> Self {
        let digest = Sha256::new().chain_update(b"velox/master-key-id/v1").chain_update(key.bytes()).finalize();
        Self { id: format!("m_{}", hex::encode(&digest[..8])), key }
    }
}

fn paserk_id(key: &AsymmetricPublicKey<V4>) -> String {
    let mut id = String::new();
    // Writing into a string does not fail.
    let _ = Id::from(key).fmt(&mut id);
    id
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing")
    }
}
