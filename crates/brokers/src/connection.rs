//! [`Connection`]: a tenant's way to a broker.

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use velox_kernel::{AccountId, ConnectionId, OrgId, Timestamp, UserId};

use crate::{PaperSettings, Sealed};

/// A connection to a broker. Its credentials are not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Which.
    pub id: ConnectionId,
    /// The tenant.
    pub org: OrgId,
    /// What its owner calls it.
    pub name: ConnectionName,
    /// Which broker.
    pub kind: BrokerKind,
    /// Play money or real money.
    pub environment: Environment,
    /// How the broker is set up.
    pub settings: BrokerSettings,
    /// Whether it is ready for use.
    pub status: ConnectionStatus,
    /// Its first account, named when the connection was made.
    pub account: AccountId,
    /// Who made it.
    pub created_by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything here last changed.
    pub updated_at: Timestamp,
    /// Counts up with each change: its ETag. From 1.
    pub version: u64,
}

/// What a connection goes with at the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// Play money.
    Paper,
    /// Real money.
    Live,
}

/// Whether a connection is ready for use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// Kept, but its account is not open yet.
    Opening,
    /// Ready.
    Active,
}

/// A word that is none of the allowed ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: {0}")]
pub struct UnknownWord(&'static str);

macro_rules! words {
    ($name:ident: $all:literal; $($variant:ident = $word:literal),*) => {
        impl $name {
            /// The word, as it stands in JSON and in the store.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),*
                }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(UnknownWord($all)),
                }
            }
        }
    };
}

words! { Environment: "paper, live"; Paper = "paper", Live = "live" }
words! { ConnectionStatus: "opening, active"; Opening = "opening", Active = "active" }

/// A broker's name in the catalog, such as `paper`: 1 to 24 of `a-z`, `0-9` and `-`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrokerKind(ArrayString<24>);

/// A text that is no broker's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 24 characters of a-z, 0-9 and '-'")]
pub struct InvalidBrokerKind;

impl BrokerKind {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BrokerKind {
    type Err = InvalidBrokerKind;

    fn from_str(text: &str) -> Result<Self, InvalidBrokerKind> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || !text.bytes().all(allowed) {
            return Err(InvalidBrokerKind);
        }
        ArrayString::from(text).map(Self).map_err(|_| InvalidBrokerKind)
    }
}

impl fmt::Display for BrokerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BrokerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for BrokerKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for BrokerKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What its owner calls a connection: 1 to 60 characters without control characters, no space around it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConnectionName(Box<str>);

/// A text that is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 60 characters, none of them a control character")]
pub struct InvalidConnectionName;

impl ConnectionName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ConnectionName {
    type Err = InvalidConnectionName;

    fn from_str(text: &str) -> Result<Self, InvalidConnectionName> {
        let name = text.trim();
        if name.is_empty() || name.chars().count() > 60 || name.chars().any(char::is_control) {
            return Err(InvalidConnectionName);
        }
        Ok(Self(name.into()))
    }
}

impl TryFrom<String> for ConnectionName {
    type Error = InvalidConnectionName;

    fn try_from(text: String) -> Result<Self, InvalidConnectionName> {
        text.parse()
    }
}

impl From<ConnectionName> for String {
    fn from(name: ConnectionName) -> Self {
        name.0.into()
    }
}

/// How a broker is set up, by its kind. Kept as one JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BrokerSettings {
    /// The paper broker.
    Paper(PaperSettings),
}

/// One sealed credential of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedCredential {
    /// The catalog's name for it, such as `api_key`.
    pub field: String,
    /// Its sealed value.
    pub sealed: Sealed,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn names_keep_to_their_form() {
        assert_eq!(" My paper ".parse::<ConnectionName>().unwrap().as_str(), "My paper");
        assert!("".parse::<ConnectionName>().is_err());
        assert!("a\nb".parse::<ConnectionName>().is_err());
        assert_eq!("paper".parse::<BrokerKind>().unwrap().as_str(), "paper");
        for text in ["", "Paper", "pa per", "a-name-that-is-much-too-long"] {
            assert!(text.parse::<BrokerKind>().is_err(), "{text}");
        }
        for environment in [Environment::Paper, Environment::Live] {
            assert_eq!(environment.as_str().parse::<Environment>().unwrap(), environment);
        }
    }
}
