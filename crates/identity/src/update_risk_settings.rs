//! `update_risk_settings`: the actor sets their own limits.

use velox_kernel::{Actor, OrgId, UserId};

use crate::change_user::change_user;
use crate::{ChangeUserError, Identity, InvalidRiskSettings, RiskSettings};

/// Limits that have just been set, for whoever brings them to the accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskSettingsChanged {
    /// The tenant.
    pub org: OrgId,
    /// Whose.
    pub user: UserId,
    /// All limits as they are now.
    pub settings: RiskSettings,
    /// The user's version with these limits: a later one supersedes an earlier one.
    pub version: u64,
}

/// Why the limits stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateRiskSettingsError {
    /// A limit makes no sense.
    #[error(transparent)]
    Invalid(#[from] InvalidRiskSettings),
    /// The change could not be made.
    #[error(transparent)]
    Change(#[from] ChangeUserError),
}

/// Sets all limits at once: one that is not named is lifted.
///
/// # Errors
/// See [`UpdateRiskSettingsError`].
pub async fn update_risk_settings(
    identity: &Identity,
    actor: &Actor,
    settings: RiskSettings,
    expected_version: Option<u64>,
) -> Result<RiskSettingsChanged, UpdateRiskSettingsError> {
    let settings = settings.checked()?;
    let user = change_user(identity, actor, expected_version, |user| user.risk_settings = settings.clone()).await?;
    Ok(RiskSettingsChanged { org: user.org, user: user.id, settings: user.risk_settings, version: user.version })
}
