//! [`PeerSeal`]: processes of one installation know each other's words.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::KeyRing;
use crate::key::Key;

/// What the seal is bound to.
const PURPOSE: &[u8] = b"velox/peer-signal/v1";
/// Signs of a seal: 32 bytes.
const SEAL: usize = 43;

/// Seals texts with HMAC-SHA-256 under a key that the installation's processes share. Whoever can write to the bus between
/// them, but has not the keys, is not listened to; nor is another installation on the same bus.
#[derive(Clone, Debug)]
pub struct PeerSeal {
    key: Key,
}

impl PeerSeal {
    /// Takes its key from the ring.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        Self { key: keys.digests.clone() }
    }

    /// How much longer a text is when it is sealed, in bytes.
    pub const LENGTH: usize = SEAL;

    /// The seal, and the text behind it.
    #[must_use]
    pub fn seal(&self, text: &str) -> String {
        let mut sealed = URL_SAFE_NO_PAD.encode(self.key.mac(&[PURPOSE, text.as_bytes()]));
        sealed.push_str(text);
        sealed
    }

    /// The text behind a seal that fits it. The comparison takes the same time wherever they differ.
    #[must_use]
    pub fn open<'a>(&self, sealed: &'a str) -> Option<&'a str> {
        let (seal, text) = sealed.split_at_checked(SEAL)?;
        let given = URL_SAFE_NO_PAD.decode(seal).ok()?;
        self.key.fits(&[PURPOSE, text.as_bytes()], &given).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn only_who_has_the_keys_is_listened_to() {
        let (ours, theirs) =
            (PeerSeal::new(&KeyRing::generate().unwrap()), PeerSeal::new(&KeyRing::generate().unwrap()));
        let sealed = ours.seal("{\"ä\": 1}");
        assert_eq!(ours.open(&sealed), Some("{\"ä\": 1}"));
        assert_eq!(sealed.len(), "{\"ä\": 1}".len() + PeerSeal::LENGTH);
        assert_eq!(theirs.open(&sealed), None);
        for wrong in ["", "short", &sealed.replace('1', "2"), &sealed[1..], "ä".repeat(40).as_str()] {
            assert_eq!(ours.open(wrong), None, "{wrong}");
        }
    }
}
