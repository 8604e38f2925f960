//! A digest of a request as it was understood: `1.0` and `1` are the same request.

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use velox_brokers::{CreateConnection, Environment};
use velox_kernel::Digest;

/// SHA-256 over what the request asks for. The values of credentials stay out of it: a plain digest of a secret would
/// let whoever reads the store try guesses.
pub(super) fn fingerprint(command: &CreateConnection) -> Digest {
    #[derive(Serialize)]
    struct Asked<'a> {
        name: &'a str,
        kind: &'a str,
        environment: Environment,
        settings: &'a Option<velox_brokers::BrokerSettings>,
        credentials: Vec<&'a str>,
    }
    let CreateConnection { name, kind, environment, settings, credentials, idempotency: _ } = command;
    let asked = Asked {
        name: name.as_str(),
        kind: kind.as_str(),
        environment: *environment,
        settings,
        credentials: credentials.iter().map(|credential| credential.field.as_str()).collect(),
    };
    // A plain struct of texts: writing it as JSON cannot fail.
    Digest::new(Sha256::digest(serde_json::to_vec(&asked).unwrap_or_default()).into())
}
