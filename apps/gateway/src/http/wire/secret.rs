//! [`WireSecret`]: a password, token or credential in a body.

use std::borrow::Cow;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// A text that nobody else may see. It prints nothing, and its memory is cleared.
#[derive(Clone, Debug)]
pub struct WireSecret(pub SecretString);

impl<'de> Deserialize<'de> for WireSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(SecretString::from(text)))
    }
}

impl PartialSchema for WireSecret {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .write_only(true)
            .into()
    }
}

impl ToSchema for WireSecret {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Secret")
    }
}
