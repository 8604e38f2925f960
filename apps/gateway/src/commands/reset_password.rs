//! `velox user reset-password`: a new password for somebody who lost theirs, made by whoever runs the machine.

use std::io::{self, Write};

use velox_crypto::{BcryptConfig, BcryptHasher, KeyRing, KeyRingError, KeyedSecrets, SystemClock, SystemIds};
use velox_identity::{
    Email, EndSessions, GeneratedPassword, HasherError, IdentityStore, NewSession, NoRandomness, Password,
    PasswordChange, PasswordChanged, PasswordHasher, RefreshRecord, Secrets, Session, SessionLabel, StoreError,
};
use velox_kernel::{Clock, Ids, SessionId};

use crate::config::Config;
use crate::wiring::{StoreOpenError, Stores};

/// Why the password stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum ResetPasswordError {
    /// A server holds the database.
    #[error("a server holds the database: stop it, reset the password, and start it again")]
    HeldByServer,
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] StoreOpenError),
    /// The installation's keys cannot be read.
    #[error(transparent)]
    Keys(#[from] KeyRingError),
    /// Nobody has this address.
    #[error("nobody has the address {0}")]
    Unknown(Email),
    /// The user may not sign in at all.
    #[error("{0} is disabled, or was changed meanwhile; nothing was done")]
    Disabled(Email),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The password cannot be hashed.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// No password can be drawn.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The machine gives no threads, or the output cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Sets a random password, ends every session of the user, and prints the password, once.
///
/// # Errors
/// [`ResetPasswordError`]; the password is as it was.
pub async fn reset_password(
    config: &Config,
    email: &Email,
    out: &mut (dyn Write + Send),
) -> Result<(), ResetPasswordError> {
    if super::database::is_held(config)? {
        return Err(ResetPasswordError::HeldByServer);
    }
    let keys = KeyRing::load(&super::keys_file(config))?;
    let stores = Stores::open(config).await?;
    let password = reset(&*stores.identity, &keys, email).await?;
    writeln!(out, "The new password of {email}, shown this once:\n\n  {}\n", password.reveal())?;
    writeln!(out, "Every session of this user has ended. Change the password after signing in.")?;
    Ok(())
}

async fn reset(
    store: &dyn IdentityStore,
    keys: &KeyRing,
    email: &Email,
) -> Result<GeneratedPassword, ResetPasswordError> {
    let user = store.user_by_email(email).await?.ok_or_else(|| ResetPasswordError::Unknown(email.clone()))?;
    let secrets = KeyedSecrets::new(keys);
    let password = secrets.password()?;
    let typed = Password::new(password.reveal()).map_err(|error| HasherError::Failed(error.to_string()))?;
    let hash = BcryptHasher::new(keys, BcryptConfig::default())?.hash(&typed).await?;
    // The store changes a password together with the session that goes on with it. Nobody goes on here: nobody knows
    // this session's token, and it ends at once.
    let now = SystemClock.now();
    let session = SessionId::new(SystemIds.next());
    let refresh = RefreshRecord {
        digest: secrets.digest(&secrets.refresh_token()?),
        session,
        generation: 1,
        issued_at: now,
        expires_at: now,
    };
    let session = Session {
        id: session,
        org: user.org,
        user: user.id,
        label: SessionLabel::new("velox user reset-password"),
        created_at: now,
        last_used_at: now,
        expires_at: now,
        revoked_at: None,
        generation: 1,
        rotated_at: now,
    };
    let change = PasswordChange {
        org: user.org,
        user: user.id,
        expected_session_version: user.session_version,
        hash,
        session: NewSession { session, refresh },
        now,
    };
    match store.change_password(&change).await? {
        PasswordChanged::Changed { .. } => {}
        PasswordChanged::Stale => return Err(ResetPasswordError::Disabled(email.clone())),
    }
    store.end_sessions(&EndSessions { org: user.org, user: user.id, only: None, now }).await?;
    Ok(password)
}
