//! [`Org`] and [`User`]: the tenant, and a person in it.

use velox_kernel::{OrgId, Role, Timestamp, UserId};

use crate::{DisplayName, Email, PasswordHash, RiskSettings, Settings};

/// An organisation: the tenant that owns everything. Registration makes a personal one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Org {
    /// Which.
    pub id: OrgId,
    /// What it is called.
    pub name: DisplayName,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A person who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// The tenant.
    pub org: OrgId,
    /// The sign-in name, unique in the installation.
    pub email: Email,
    /// How the user is shown.
    pub display_name: DisplayName,
    /// What the user is in the organisation.
    pub role: Role,
    /// What is kept of the password.
    pub password_hash: PasswordHash,
    /// Whether the user may no longer sign in.
    pub disabled: bool,
    /// Counts up when every access token given out must end: a new password, another role, logout everywhere.
    pub session_version: u64,
    /// Counts up with each change of the profile and the settings: the ETag of `users/me`. From 1.
    pub version: u64,
    /// How the user likes the product.
    pub settings: Settings,
    /// The user's own limits.
    pub risk_settings: RiskSettings,
    /// When the user was made.
    pub created_at: Timestamp,
    /// When anything here last changed.
    pub updated_at: Timestamp,
}
