//! [`Key`]: 32 secret bytes that are worth the name, and the keyed hash.

use std::collections::HashSet;
use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Keys that are printed in public: whoever copies them out of a document has none. The seeds of RFC 8032 §7.1 (test 1)
/// and of the PASETO v4 test vectors; counting keys (`70 71 72 …`) are refused by their form.
const EXAMPLES: [&str; 2] = [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "b4cbfb43df4ce210727d953e4a713307fa19bb7d9f85041438d9e11b942a3774",
];
/// The fewest different bytes of 32. Random ones have about 30; fewer than 16 come once in 10¹⁸ keys.
const FEWEST_DIFFERENT: usize = 16;

/// A secret key of 256 bits. Prints nothing; its memory is cleared.
#[derive(Clone)]
pub(crate) struct Key(Zeroizing<[u8; 32]>);

/// Why a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakKey {
    /// Nothing there.
    #[error("is empty")]
    Empty,
    /// Not hexadecimal digits.
    #[error("is not hexadecimal")]
    NotHex,
    /// Another length.
    #[error("must be {expected} bytes and is {found}")]
    Length {
        /// How many bytes it should have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// Too regular to be random: a word, a pattern, a count.
    #[error("is not random: it looks like text, a repetition or a count")]
    LowEntropy,
    /// Printed in public.
    #[error("is an example from a public document")]
    Example,
    /// The halves of a signing key do not belong together.
    #[error("is not an Ed25519 key pair")]
    NotAKeyPair,
    /// The same key stands for two purposes.
    #[error("is used for another purpose as well")]
    Reused,
}

impl Key {
    /// A new random key.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// Reads 64 hexadecimal digits and refuses what nobody drew at random.
    pub(crate) fn from_hex(text: &str) -> Result<Self, WeakKey> {
        let bytes = decode(text, 32)?;
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(&bytes);
        check_strength(key.as_slice())?;
        Ok(Self(key))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// HMAC-SHA-256 (RFC 2104) of the parts, each preceded by its length, so that no two lists of parts are one.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.mac_of(parts).finalize().into_bytes().into()
    }

    /// Whether `given` is the [`Key::mac`] of the parts; it takes the same time wherever they differ.
    pub(crate) fn fits(&self, parts: &[&[u8]], given: &[u8]) -> bool {
        self.mac_of(parts).verify_slice(given).is_ok()
    }

    fn mac_of(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        // A key shorter than the block is padded with zeros by definition: doing it here leaves nothing to fail.
        let mut block = Zeroizing::new([0_u8; 64]);
        block[..32].copy_from_slice(self.0.as_slice());
        let mut mac = <Hmac<Sha256> as hmac::digest::KeyInit>::new((&*block).into());
        for part in parts {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// Reads a secret of `expected` bytes from hexadecimal digits.
pub(crate) fn decode(text: &str, expected: usize) -> Result<Zeroizing<Vec<u8>>, WeakKey> {
    if text.trim().is_empty() {
        return Err(WeakKey::Empty);
    }
    let bytes = Zeroizing::new(hex::decode(text.trim()).map_err(|_| WeakKey::NotHex)?);
    if bytes.len() == expected { Ok(bytes) } else { Err(WeakKey::Length { expected, found: bytes.len() }) }
}

/// Refuses what was typed rather than drawn.
pub(crate) fn check_strength(key: &[u8]) -> Result<(), WeakKey> {
    if EXAMPLES.contains(&hex::encode(key).as_str()) {
        return Err(WeakKey::Example);
    }
    let different = key.iter().collect::<HashSet<_>>().len();
    let is_text = key.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let steps: HashSet<u8> = key.iter().zip(key.iter().skip(1)).map(|(a, b)| b.wrapping_sub(*a)).collect();
    if different < FEWEST_DIFFERENT || is_text || steps.len() < FEWEST_DIFFERENT / 2 {
        return Err(WeakKey::LowEntropy);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn pads_its_key_as_rfc_2104_says() {
        let key = Key::random().unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(key.bytes()).unwrap();
        mac.update(&3_u64.to_be_bytes());
        mac.update(b"abc");
        assert_eq!(key.mac(&[b"abc"]), <[u8; 32]>::from(mac.finalize().into_bytes()));
        assert_ne!(key.mac(&[b"ab", b"c"]), key.mac(&[b"a", b"bc"]));
        assert!(key.fits(&[b"abc"], &key.mac(&[b"abc"])) && !key.fits(&[b"abd"], &key.mac(&[b"abc"])));
    }

    #[test]
    fn typed_keys_are_refused() {
        let refused = |text: &str| Key::from_hex(text).unwrap_err();
        assert_eq!(refused(""), WeakKey::Empty);
        assert_eq!(refused("  "), WeakKey::Empty);
        assert_eq!(refused("changeme"), WeakKey::NotHex);
        assert_eq!(refused("abcd"), WeakKey::Length { expected: 32, found: 2 });
        assert_eq!(refused(&"00".repeat(32)), WeakKey::LowEntropy);
        assert_eq!(refused(&"deadbeef".repeat(8)), WeakKey::LowEntropy);
        assert_eq!(refused(&hex::encode((0x70..0x90).collect::<Vec<u8>>())), WeakKey::LowEntropy);
        assert_eq!(refused(&hex::encode(b"this-is-my-very-secret-key-32-by")), WeakKey::LowEntropy);
        assert_eq!(refused(EXAMPLES[0]), WeakKey::Example);
        assert_eq!(refused(EXAMPLES[1]), WeakKey::Example);
    }

    #[test]
    fn drawn_keys_are_taken() {
        for _ in 0..1_000 {
            let key = Key::random().unwrap();
            assert_eq!(Key::from_hex(&hex::encode(key.bytes())).unwrap().bytes(), key.bytes());
        }
        assert_eq!(format!("{:?}", Key::random().unwrap()), "Key");
    }
}
