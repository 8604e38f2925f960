//! Time and identity as ports: nothing in Velox asks the machine for either.

use uuid::Uuid;

use crate::Timestamp;

/// Where wall time comes from.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Where new identifiers come from.
pub trait Ids: Send + Sync {
    /// A new UUIDv7 (RFC 9562 §5.7): time-ordered, never given twice.
    fn next(&self) -> Uuid;
}
