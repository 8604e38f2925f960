//! [`UserView`]: a user as they see themselves.

use serde::Serialize;
use utoipa::ToSchema;
use velox_identity::User;
use velox_kernel::{OrgId, Permission, Role, Timestamp, UserId};

/// A user.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(super) struct UserView<'a> {
    /// Their id.
    #[schema(value_type = String, example = "usr_01h455vb4pex5vsknk084sn02q")]
    id: UserId,
    /// Their organisation.
    #[schema(value_type = String, example = "org_01h455vb4pex5vsknk084sn02q")]
    org_id: OrgId,
    /// The address they sign in with.
    #[schema(example = "ada@example.com")]
    email: &'a str,
    /// How they are shown.
    #[schema(example = "Ada Lovelace")]
    display_name: &'a str,
    /// What they are in the organisation: `admin`, `trader` or `viewer`.
    #[schema(value_type = String, example = "admin")]
    role: Role,
    /// What the role allows.
    #[schema(value_type = Vec<String>, example = json!(["profile_read", "orders_read"]))]
    permissions: Vec<Permission>,
    /// When they were made.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:00Z")]
    created_at: Timestamp,
    /// When their profile or settings last changed.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:00Z")]
    updated_at: Timestamp,
}

impl<'a> From<&'a User> for UserView<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: user.id,
            org_id: user.org,
            email: user.email.as_str(),
            display_name: user.display_name.as_str(),
            role: user.role,
            permissions: Permission::ALL.into_iter().filter(|permission| user.role.allows(*permission)).collect(),
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}
