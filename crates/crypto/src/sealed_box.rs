//! [`AesGcmBox`]: broker credentials under AES-256-GCM.

use std::fmt;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use secrecy::{ExposeSecret, SecretString};
use velox_brokers::{Sealed, SecretBox, SecretBoxError, SecretPlace};
use zeroize::Zeroizing;

use crate::KeyRing;
use crate::key_ring::MasterKey;
use crate::keyed_secrets::random;

/// The layout this build writes: its first byte.
const LAYOUT: u8 = 1;
/// Bytes of a nonce (NIST SP 800-38D §5.2.1.1).
const NONCE: usize = 12;
/// Bytes of a wrapped data key: 32 and a tag of 16.
const WRAPPED: usize = 48;

/// Envelope encryption: each record has a data key of its own, wrapped by a master key of the ring.
///
/// Layout: `1 | nonce | wrapped data key | nonce | ciphertext and tag`. Both encryptions authenticate the record's
/// place, and the wrapping also the master key's id. A master key only ever encrypts data keys, so its random nonces
/// stay far below the 2³² of NIST SP 800-38D §8.3; a data key encrypts one text.
pub struct AesGcmBox {
    /// The first one wraps, all unwrap.
    keys: Vec<MasterKey>,
}

impl AesGcmBox {
    /// Takes the master keys of the ring.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        Self { keys: keys.master.clone() }
    }
}

impl SecretBox for AesGcmBox {
    fn seal(&self, place: &SecretPlace<'_>, plain: &SecretString) -> Result<Sealed, SecretBoxError> {
        let master = self.keys.first().ok_or_else(|| SecretBoxError::UnknownKey(String::new()))?;
        let failed = |error: &dyn fmt::Display| SecretBoxError::Failed(error.to_string());
        let (data_key, nonces) = (random::<32>(), random::<{ 2 * NONCE }>());
        let (data_key, nonces) = (data_key.map_err(|e| failed(&e))?, nonces.map_err(|e| failed(&e))?);
        let (wrap_nonce, data_nonce) = nonces.split_at(NONCE);
        let bound = place.associated_data();
        let wrapped = encrypt(master.key.bytes(), wrap_nonce, data_key.as_slice(), &wrap_data(&master.id, &bound))
            .ok_or_else(|| failed(&"encryption failed"))?;
        let text = encrypt(&data_key, data_nonce, plain.expose_secret().as_bytes(), &bound)
            .ok_or_else(|| failed(&"encryption failed"))?;
        let bytes = [&[LAYOUT], wrap_nonce, wrapped.as_slice(), data_nonce, text.as_slice()].concat();
        Ok(Sealed { key_id: master.id.clone(), bytes })
    }

    fn open(&self, place: &SecretPlace<'_>, sealed: &Sealed) -> Result<SecretString, SecretBoxError> {
        let master = self.keys.iter().find(|key| key.id == sealed.key_id);
        let master = master.ok_or_else(|| SecretBoxError::UnknownKey(sealed.key_id.clone()))?;
        open_with(master, &place.associated_data(), &sealed.bytes).ok_or(SecretBoxError::DoesNotOpen)
    }

    fn is_outdated(&self, sealed: &Sealed) -> bool {
        self.keys.first().is_none_or(|key| key.id != sealed.key_id)
    }
}

fn open_with(master: &MasterKey, bound: &[u8], bytes: &[u8]) -> Option<SecretString> {
    let rest = bytes.strip_prefix(&[LAYOUT])?;
    let (wrap_nonce, rest) = rest.split_at_checked(NONCE)?;
    let (wrapped, rest) = rest.split_at_checked(WRAPPED)?;
    let (data_nonce, text) = rest.split_at_checked(NONCE)?;
    let unwrapped = decrypt(master.key.bytes(), wrap_nonce, wrapped, &wrap_data(&master.id, bound))?;
    let mut data_key = Zeroizing::new([0; 32]);
    data_key.copy_from_slice(unwrapped.get(..32)?);
    let plain = decrypt(&data_key, data_nonce, text, bound)?;
    std::str::from_utf8(&plain).ok().map(SecretString::from)
}

/// What the wrapping of a data key is bound to.
fn wrap_data(master_id: &str, bound: &[u8]) -> Vec<u8> {
    [b"velox/data-key/v1/", master_id.as_bytes(), b"/", bound].concat()
}

fn encrypt(key: &[u8; 32], nonce: &[u8], msg: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    Aes256Gcm::new(key.into()).encrypt(nonce.try_into().ok()?, Payload { msg, aad }).ok()
}

fn decrypt(key: &[u8; 32], nonce: &[u8], msg: &[u8], aad: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let plain = Aes256Gcm::new(key.into()).decrypt(nonce.try_into().ok()?, Payload { msg, aad }).ok()?;
    Some(Zeroizing::new(plain))
}

impl fmt::Debug for AesGcmBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.keys.iter().map(|key| &key.id).collect();
        f.debug_struct("AesGcmBox").field("keys", &ids).finish()
    }
}
