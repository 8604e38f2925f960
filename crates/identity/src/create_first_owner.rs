//! `create_first_owner`: the sign-in that is made for an installation.

use crate::register::new_admin;
use crate::{DisplayName, Email, GeneratedPassword, Identity, IdentityFailure, NewUser, Password, User, UserCreation};

/// The first user, and the password that nobody else knows.
#[derive(Debug)]
pub struct FirstOwner {
    /// Who: the admin of the first organisation.
    pub user: User,
    /// To be shown once; only its hash is kept.
    pub password: GeneratedPassword,
}

/// Makes the first user with a random password; `None` when there is a user already.
///
/// Two processes that start at once make one owner between them: the store checks again as it writes.
///
/// # Errors
/// A port failed; nothing is kept.
pub async fn create_first_owner(
    identity: &Identity,
    email: Email,
    display_name: DisplayName,
) -> Result<Option<FirstOwner>, IdentityFailure> {
    if !identity.ports.store.is_empty().await? {
        return Ok(None);
    }
    let password = identity.ports.secrets.password()?;
    let typed = Password::new(password.reveal())
        .map_err(|error| crate::HasherError::Failed(format!("the generated password {error}")))?;
    let hash = identity.ports.hasher.hash(&typed).await?;
    let (org, user) = new_admin(identity, email, display_name, hash, identity.now());
    let new = NewUser { org, user, session: None, only_if_empty: true };
    match identity.ports.store.create_user(&new).await? {
        UserCreation::Created => Ok(Some(FirstOwner { user: new.user, password })),
        UserCreation::EmailTaken | UserCreation::NotEmpty => Ok(None),
    }
}
