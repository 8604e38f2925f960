//! A digest of a request as it was understood: `1.0` and `1` are the same request.

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use velox_kernel::Digest;

/// SHA-256 over the operation's name and the parsed request as JSON, whose numbers have one form each.
pub(crate) fn fingerprint(operation: &str, request: &impl Serialize) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(operation);
    hasher.update([0]);
    // Requests are plain structs of texts: writing them as JSON cannot fail, and nothing is shared if it did.
    hasher.update(serde_json::to_vec(request).unwrap_or_default());
    Digest::new(hasher.finalize().into())
}
