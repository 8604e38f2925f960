//! From credentials in a request to sealed ones, by the catalog's rules.

use secrecy::ExposeSecret;
use velox_kernel::{ConnectionId, OrgId};

use crate::{CatalogEntry, Credential, SealedCredential, SecretBox, SecretBoxError, SecretPlace};

/// The longest credential in bytes: a PEM key fits.
const LONGEST: usize = 8_192;

/// Why credentials were not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// One that the broker needs is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// One that the broker does not know.
    #[error("{0} is not a credential of this broker")]
    Unknown(String),
    /// Named twice.
    #[error("{0} is given twice")]
    Repeated(String),
    /// Empty or above 8,192 bytes.
    #[error("{0} must be 1 to 8192 bytes")]
    Length(String),
    /// It could not be sealed.
    #[error(transparent)]
    SecretBox(#[from] SecretBoxError),
}

/// Checks credentials against the catalog and seals each for its place.
pub(crate) fn seal_credentials(
    secret_box: &dyn SecretBox,
    entry: &CatalogEntry,
    org: OrgId,
    connection: ConnectionId,
    given: &[Credential],
) -> Result<Vec<SealedCredential>, CredentialsError> {
    if let Some(missing) =
        entry.credentials.iter().find(|field| field.required && given.iter().all(|given| given.field != field.name))
    {
        return Err(CredentialsError::Missing(missing.name));
    }
    given
        .iter()
        .enumerate()
        .map(|(place, credential)| seal_one(secret_box, entry, org, connection, &given[..place], credential))
        .collect()
}

fn seal_one(
    secret_box: &dyn SecretBox,
    entry: &CatalogEntry,
    org: OrgId,
    connection: ConnectionId,
    before: &[Credential],
    credential: &Credential,
) -> Result<SealedCredential, CredentialsError> {
    let Credential { field, value } = credential;
    if entry.credentials.iter().all(|known| known.name != field) {
        return Err(CredentialsError::Unknown(field.clone()));
    }
    if before.iter().any(|other| other.field == *field) {
        return Err(CredentialsError::Repeated(field.clone()));
    }
    if !(1..=LONGEST).contains(&value.expose_secret().len()) {
        return Err(CredentialsError::Length(field.clone()));
    }
    let sealed = secret_box.seal(&SecretPlace { org, connection, field }, value)?;
    Ok(SealedCredential { field: field.clone(), sealed })
}
