//! `register`: a stranger becomes the admin of a personal organisation.

use velox_kernel::{OrgId, Role, Timestamp, UserId};

use crate::sign_in::{Draft, draft_session};
use crate::{
    DisplayName, Email, Identity, IdentityFailure, NewPassword, NewUser, Org, PasswordHash, RiskSettings, SessionLabel,
    Settings, SignedIn, User, UserCreation, WeakPassword,
};

/// Who wants to register.
#[derive(Clone, Debug)]
pub struct Register {
    /// The address to sign in with.
    pub email: Email,
    /// How to be shown; also the name of the organisation.
    pub display_name: DisplayName,
    /// The password, as it was typed.
    pub password: secrecy::SecretString,
    /// The client's name.
    pub label: SessionLabel,
}

/// Why a registration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// This installation takes none.
    #[error("this installation takes no registrations")]
    Closed,
    /// The password does not keep to the policy.
    #[error("the password {0}")]
    WeakPassword(#[from] WeakPassword),
    /// Another user has this address.
    #[error("a user with this e-mail address exists")]
    EmailTaken,
    /// A port failed.
    #[error(transparent)]
    Failure(#[from] IdentityFailure),
}

/// Makes a user and an organisation and signs the user in.
///
/// # Errors
/// See [`RegisterError`]; nothing is kept then.
pub async fn register(identity: &Identity, command: Register) -> Result<SignedIn, RegisterError> {
    if !identity.config.registration_open {
        return Err(RegisterError::Closed);
    }
    let Register { email, display_name, password, label } = command;
    let password = NewPassword::new(secrecy::ExposeSecret::expose_secret(&password), &email, &display_name)?;
    let hash = identity.ports.hasher.hash(password.password()).await.map_err(IdentityFailure::from)?;
    let (org, user) = new_admin(identity, email, display_name, hash, identity.now());
    let draft: Draft = draft_session(identity, &user, label, user.created_at).map_err(IdentityFailure::from)?;
    let new = NewUser { org, user, session: Some(draft.new.clone()), only_if_empty: false };
    match identity.ports.store.create_user(&new).await.map_err(IdentityFailure::from)? {
        UserCreation::Created => Ok(draft.signed_in(identity, new.user).map_err(IdentityFailure::from)?),
        UserCreation::EmailTaken | UserCreation::NotEmpty => Err(RegisterError::EmailTaken),
    }
}

/// An organisation and its admin.
pub(crate) fn new_admin(
    identity: &Identity,
    email: Email,
    display_name: DisplayName,
    password_hash: PasswordHash,
    now: Timestamp,
) -> (Org, User) {
    let org = Org { id: OrgId::new(identity.ports.ids.next()), name: display_name.clone(), created_at: now };
    let user = User {
        id: UserId::new(identity.ports.ids.next()),
        org: org.id,
        email,
        display_name,
        role: Role::Admin,
        password_hash,
        disabled: false,
        session_version: 1,
        version: 1,
        settings: Settings::default(),
        risk_settings: RiskSettings::default(),
        created_at: now,
        updated_at: now,
    };
    (org, user)
}
