//! [`Amount`]: an exact decimal on the wire.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use velox_kernel::{Decimal, Money, Price, Quantity};

/// A decimal: in Avro a `decimal(28,12)`, in JSON a string such as `"-0.5"`.
///
/// Our own count of 10⁻¹² is what Avro writes at a scale of 12. It is handed over as its bytes, so that no library
/// counts again: `serde_avro_fast` cuts digits beyond a schema's scale without a word. That the scale of our schemas is
/// 12 is checked when a writer is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(pub Decimal);

/// The shortest big-endian two's complement of a number: never empty.
fn shortest(bytes: &[u8; 16]) -> &[u8] {
    let needless =
        |pair: &[u8]| matches!(pair, [0x00, next] if *next < 0x80) || matches!(pair, [0xFF, next] if *next >= 0x80);
    let start = bytes.windows(2).take_while(|pair| needless(pair)).count();
    bytes.get(start..).unwrap_or_default()
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.0.serialize(serializer)
        } else {
            serializer.serialize_bytes(shortest(&self.0.units().to_be_bytes()))
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number of at most 28 digits, 12 of them after the point, as text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
                text.parse().map(Amount).map_err(|error| E::custom(format_args!("the number {text} {error}")))
            }
        }
        // Avro's decimals are told as text, too, with all the digits that the writer's scale has.
        deserializer.deserialize_str(Text)
    }
}

impl From<Decimal> for Amount {
    fn from(decimal: Decimal) -> Self {
        Self(decimal)
    }
}

macro_rules! named {
    ($($name:ident)*) => {$(
        impl From<$name> for Amount {
            fn from(value: $name) -> Self {
                Self(value.decimal())
            }
        }

        impl From<Amount> for $name {
            fn from(amount: Amount) -> Self {
                Self::new(amount.0)
            }
        }
    )*};
}

named! { Price Quantity Money }

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_as_few_bytes_as_the_number_and_its_sign_need() {
        for (number, bytes) in [
            (0_i128, &[0][..]),
            (1, &[1]),
            (127, &[127]),
            (128, &[0, 128]),
            (-1, &[255]),
            (-128, &[128]),
            (-129, &[255, 127]),
            (256, &[1, 0]),
            (-256, &[255, 0]),
        ] {
            assert_eq!(shortest(&number.to_be_bytes()), bytes, "{number}");
        }
        assert_eq!(shortest(&i128::MAX.to_be_bytes()).len(), 16);
        assert_eq!(shortest(&i128::MIN.to_be_bytes()).len(), 16);
    }

    proptest! {
        #[test]
        fn the_bytes_are_the_number(number: i128, places in 0_u32..128) {
            let number = number >> places;
            let shown = number.to_be_bytes();
            let bytes = shortest(&shown);
            let sign = if bytes[0] < 0x80 { 0 } else { 0xFF };
            let mut whole = [sign; 16];
            whole[16 - bytes.len()..].copy_from_slice(bytes);
            prop_assert_eq!(i128::from_be_bytes(whole), number);
        }
    }
}
