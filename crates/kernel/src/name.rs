//! Short names kept in place: symbols, currencies, and the ids that others choose.

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A text that does not fit the rules of its kind of name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {longest} characters of {alphabet}")]
pub struct InvalidName {
    /// The greatest length in bytes.
    pub longest: usize,
    /// What may stand in it, in words.
    pub alphabet: &'static str,
}

macro_rules! name {
    ($($(#[$doc:meta])* $name:ident: $longest:literal of $alphabet:literal where $allowed:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(ArrayString<$longest>);

        impl $name {
            /// The greatest length in bytes.
            pub const LONGEST: usize = $longest;

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let allowed: fn(u8) -> bool = $allowed;
                let invalid = InvalidName { longest: $longest, alphabet: $alphabet };
                if text.is_empty() || !text.bytes().all(allowed) {
                    return Err(invalid);
                }
                ArrayString::from(text).map(Self).map_err(|_| invalid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("1 to ", stringify!($longest), " characters of ", $alphabet))
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

name! {
    /// An instrument's name on its venue, such as `BTC-PERP`.
    Symbol: 24 of "A-Z, 0-9, '.', '-', '_' and '/'"
        where |b| b.is_ascii_uppercase() || b.is_ascii_digit() || b".-_/".contains(&b);
    /// A currency or asset code, such as `USD` (ISO 4217) or `USDT`.
    Currency: 12 of "A-Z and 0-9" where |b| b.is_ascii_uppercase() || b.is_ascii_digit();
    /// An order's name towards our client, unique in its account for ever.
    ClientOrderId: 64 of "printable ASCII without spaces" where |b| b.is_ascii_graphic();
    /// An order's name at its broker.
    BrokerOrderId: 64 of "printable ASCII without spaces" where |b| b.is_ascii_graphic();
    /// A fill's name at its broker, unique in its account.
    FillId: 64 of "printable ASCII without spaces" where |b| b.is_ascii_graphic();
    /// A client's own mark on an order.
    Tag: 32 of "printable ASCII without spaces" where |b| b.is_ascii_graphic();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn keeps_to_its_alphabet_and_length() {
        assert_eq!("BTC-PERP".parse::<Symbol>().unwrap().as_str(), "BTC-PERP");
        for text in ["", "btc", "BTC PERP", "ABCDEFGHIJKLMNOPQRSTUVWXY", "BTC\u{e9}"] {
            assert!(text.parse::<Symbol>().is_err(), "{text}");
        }
        assert!("a b".parse::<ClientOrderId>().is_err());
        assert!("x".repeat(64).parse::<ClientOrderId>().is_ok());
        assert!("x".repeat(65).parse::<ClientOrderId>().is_err());
    }
}
