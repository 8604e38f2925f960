//! [`KeyedSecrets`]: secrets that are given out, and the digests that are kept.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use velox_identity::{GeneratedPassword, NoRandomness, RefreshToken, Secrets};
use velox_kernel::Digest;
use zeroize::Zeroizing;

use crate::KeyRing;
use crate::key::Key;

/// What a refresh token starts with, so that a scanner of leaked secrets can tell it.
const REFRESH_PREFIX: &str = "vlx_refresh_";
/// Crockford's base32 in lower case: 32 signs that nobody mistakes for each other.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Signs of a generated password: 25 × 5 bits.
const PASSWORD_SIGNS: usize = 25;

/// Secrets from the machine's randomness; digests by HMAC-SHA-256 under a key of the ring.
#[derive(Clone, Debug)]
pub struct KeyedSecrets {
    key: Key,
}

impl KeyedSecrets {
    /// Takes its key from the ring.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        Self { key: keys.digests.clone() }
    }

    /// The keyed digest of a request that may hold secrets, for its idempotency record.
    #[must_use]
    pub fn fingerprint(&self, request: &[u8]) -> Digest {
        Digest::new(self.key.mac(&[b"velox/request-fingerprint/v1", request]))
    }
}

impl Secrets for KeyedSecrets {
    fn refresh_token(&self) -> Result<RefreshToken, NoRandomness> {
        let bytes = random::<32>()?;
        Ok(RefreshToken::new(format!("{REFRESH_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes.as_slice()))))
    }

    /// Five groups of five signs: 125 bits, easy to read out.
    fn password(&self) -> Result<GeneratedPassword, NoRandomness> {
        let bytes = random::<PASSWORD_SIGNS>()?;
        let mut text = String::with_capacity(PASSWORD_SIGNS + 4);
        for (place, byte) in bytes.iter().enumerate() {
            if place > 0 && place % 5 == 0 {
                text.push('-');
            }
            text.push(char::from(ALPHABET[usize::from(byte % 32)]));
        }
        Ok(GeneratedPassword::new(text))
    }

    fn digest(&self, token: &RefreshToken) -> Digest {
        Digest::new(self.key.mac(&[b"velox/refresh-token/v1", token.reveal().as_bytes()]))
    }
}

pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, NoRandomness> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| NoRandomness(error.to_string()))?;
    Ok(bytes)
}
