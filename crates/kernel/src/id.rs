//! Typed identifiers: a UUIDv7 (RFC 9562) inside, `prefix_suffix` outside.

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// Crockford's base32 in lower case, the alphabet of the TypeID specification 0.3.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters in the suffix: 26 × 5 bits hold 128.
const SUFFIX: usize = 26;

/// Characters of an id: a prefix of three, the underscore and the suffix.
const LENGTH: usize = 4 + SUFFIX;
/// What no character of the alphabet stands for.
const NO_DIGIT: u8 = 0xFF;
/// For each byte the digit that it stands for.
const DIGITS: [u8; 256] = digits();

const fn digits() -> [u8; 256] {
    let mut digits = [NO_DIGIT; 256];
    let (mut place, mut digit) = (0, 0);
    while place < ALPHABET.len() {
        // There is no other conversion in a constant, and each byte is a place of the table.
        #[expect(clippy::as_conversions, reason = "a byte always fits a place")]
        let byte = ALPHABET[place] as usize;
        digits[byte] = digit;
        place += 1;
        digit += 1;
    }
    digits
}

/// A text that is not an id of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an id of the form {prefix}_ followed by 26 base32 characters")]
pub struct InvalidId {
    /// The prefix that was wanted.
    pub prefix: &'static str,
}

/// The whole text at once: ids are written several times for each event.
fn encode(prefix: &str, uuid: Uuid) -> ArrayString<LENGTH> {
    let mut value = uuid.as_u128();
    let mut suffix = [0; SUFFIX];
    for slot in suffix.iter_mut().rev() {
        *slot = ALPHABET[usize::from(value.to_le_bytes()[0] & 31)];
        value >>= 5;
    }
    let mut text = ArrayString::new();
    // Both always fit, and the alphabet is ASCII.
    let _ = text.try_push_str(prefix);
    let _ = text.try_push_str(std::str::from_utf8(&suffix).unwrap_or_default());
    text
}

fn decode(suffix: &str) -> Option<Uuid> {
    // The first character carries three bits: above `7` the value would not fit 128.
    if suffix.len() != SUFFIX || suffix.as_bytes()[0] > b'7' {
        return None;
    }
    suffix
        .bytes()
        .try_fold(0_u128, |value, byte| match DIGITS[usize::from(byte)] {
            NO_DIGIT => None,
            digit => Some((value << 5) | u128::from(digit)),
        })
        .map(Uuid::from_u128)
}

macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What stands before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Names a UUID.
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&encode(concat!($prefix, "_"), self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or(InvalidId { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&encode(concat!($prefix, "_"), self.0))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("an id that starts with ", $prefix, "_"))
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    )*};
}

typed_id! {
    /// An organisation: the tenant.
    OrgId = "org";
    /// A person.
    UserId = "usr";
    /// One sign-in of a user on one device.
    SessionId = "ses";
    /// A process, for as long as it runs, among those that share the work of a role.
    MemberId = "mbr";
    /// A connection to a broker, with its credentials.
    ConnectionId = "brk";
    /// A trading account: one book at one broker.
    AccountId = "acc";
    /// An order, ours: it travels to the broker as the broker's client order id.
    OrderId = "ord";
    /// A strategy.
    StrategyId = "str";
    /// A command given to an aggregate; the cause of its events.
    CommandId = "cmd";
    /// An HTTP request.
    RequestId = "req";
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn agrees_with_the_typeid_specification() {
        let uuid: Uuid = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert_eq!(OrderId::new(uuid).to_string(), "ord_01h455vb4pex5vsknk084sn02q");
    }

    #[test]
    fn refuses_other_kinds_and_other_alphabets() {
        for text in [
            "usr_01h455vb4pex5vsknk084sn02q",
            "ord_81h455vb4pex5vsknk084sn02q",
            "ord_01h455vb4pex5vsknk084sn02",
            "ord_01h455vb4pex5vsknk084sn02u",
            "ord-01h455vb4pex5vsknk084sn02q",
            "ord_01H455VB4PEX5VSKNK084SN02Q",
            "",
        ] {
            assert_eq!(text.parse::<OrderId>(), Err(InvalidId { prefix: "ord" }), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips_and_keeps_the_order(a: u128, b: u128) {
            let (a, b) = (OrderId::new(Uuid::from_u128(a)), OrderId::new(Uuid::from_u128(b)));
            prop_assert_eq!(a.to_string().parse::<OrderId>().unwrap(), a);
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }
}
