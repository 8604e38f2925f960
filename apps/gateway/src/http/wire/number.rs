//! [`WireNumber`]: a decimal as clients send it, string or bare number, never through a float.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};
use velox_kernel::{Decimal, DecimalError, Money, Price, Quantity};

/// The form in the document: what [`Decimal`] holds, in plain notation.
const PATTERN: &str = r"^-?[0-9]{1,16}(\.[0-9]{1,12})?$";

/// A `Decimal`, `Price`, `Quantity` or `Money` on the wire.
///
/// It reads a JSON string or a bare JSON number from its literal text, so `1e-05` is exact and forty digits are
/// refused; it writes a string. It needs a `serde_json` decoder over text: it does not work inside
/// `#[serde(flatten)]`, untagged or internally tagged enums, which lose that text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WireNumber<T = Decimal>(pub T);

/// A plain decimal on the wire. Wire types name these aliases: the schema derive cannot see through `WireNumber<…>`.
pub type WireDecimal = WireNumber<Decimal>;
/// A price on the wire.
pub type WirePrice = WireNumber<Price>;
/// A quantity on the wire.
pub type WireQuantity = WireNumber<Quantity>;
/// An amount of money on the wire.
pub type WireMoney = WireNumber<Money>;

impl<T> From<T> for WireNumber<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: fmt::Display> Serialize for WireNumber<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err = DecimalError>> Deserialize<'de> for WireNumber<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let text: Cow<'_, str> = match raw.as_bytes().first() {
            Some(b'"') => match raw[1..raw.len() - 1].contains('\\') {
                false => Cow::Borrowed(&raw[1..raw.len() - 1]),
                true => Cow::Owned(serde_json::from_str(raw).map_err(de::Error::custom)?),
            },
            Some(b'-' | b'0'..=b'9') => Cow::Borrowed(raw),
            _ => return Err(de::Error::custom("must be a decimal number, in a string or bare")),
        };
        text.parse().map(Self).map_err(de::Error::custom)
    }
}

impl<T> PartialSchema for WireNumber<T> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .description(Some(
                "An exact decimal number: up to 16 digits before the point and 12 after it. A bare JSON number is \
                 taken too and read from its literal text.",
            ))
            .pattern(Some(PATTERN))
            .examples(["0.25"])
            .into()
    }
}

impl<T> ToSchema for WireNumber<T> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Decimal")
    }
}

/// Names for the document alone: numbers whose range the wire type does not tell. A field's rule checks it.
macro_rules! ranges {
    ($($(#[$doc:meta])* $name:ident: $words:literal, $pattern:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(SchemaType::Type(Type::String))
                    .description(Some(concat!("A `Decimal` ", $words, ".")))
                    .pattern(Some($pattern))
                    .examples(["0.25"])
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )*};
}

ranges! {
    /// Above zero.
    PositiveDecimal: "above zero", r"^(?=[0-9.]*[1-9])[0-9]{1,16}(\.[0-9]{1,12})?$";
    /// Zero or above.
    UnsignedDecimal: "that is zero or more", r"^[0-9]{1,16}(\.[0-9]{1,12})?$";
    /// Above zero and at most a hundred.
    PositivePercent: "above zero and at most a hundred",
        r"^(?=[0-9.]*[1-9])([0-9]{1,2}(\.[0-9]{1,12})?|100(\.0{1,12})?)$";
}
