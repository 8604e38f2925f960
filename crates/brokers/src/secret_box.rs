//! [`SecretBox`]: what keeps credentials unreadable in the store.

use std::fmt;

use secrecy::SecretString;
use velox_kernel::{ConnectionId, OrgId};

/// A sealed secret, as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which master key it can be opened with.
    pub key_id: String,
    /// The box's own bytes.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({}, {} bytes)", self.key_id, self.bytes.len())
    }
}

/// Authenticated encryption under keys that the store does not have.
pub trait SecretBox: Send + Sync {
    /// Seals a text for one place. Sealing the same text twice gives different bytes.
    fn seal(&self, place: &SecretPlace<'_>, plain: &SecretString) -> Result<Sealed, SecretBoxError>;

    /// Opens what was sealed for the same place.
    fn open(&self, place: &SecretPlace<'_>, sealed: &Sealed) -> Result<SecretString, SecretBoxError>;

    /// Whether new secrets are sealed with another key by now, so that this one should be sealed again.
    fn is_outdated(&self, sealed: &Sealed) -> bool;
}

/// Where a secret is kept. It is bound into the seal, so that a row copied elsewhere does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretPlace<'a> {
    /// The tenant.
    pub org: OrgId,
    /// The connection.
    pub connection: ConnectionId,
    /// The credential's name.
    pub field: &'a str,
}

impl SecretPlace<'_> {
    /// The associated data: one text for one place, because neither id contains a `/`.
    #[must_use]
    pub fn associated_data(&self) -> Vec<u8> {
        format!("velox/broker-credential/v1/{}/{}/{}", self.org, self.connection, self.field).into_bytes()
    }
}

/// Why a secret was not sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretBoxError {
    /// No key has this id: it was sealed by another installation, or the key was removed too early.
    #[error("no key {0:?} is there to open it with")]
    UnknownKey(String),
    /// It was changed, or sealed for another place.
    #[error("it was changed, or sealed for another place")]
    DoesNotOpen,
    /// The machine gives no randomness.
    #[error("it could not be sealed: {0}")]
    Failed(String),
}
