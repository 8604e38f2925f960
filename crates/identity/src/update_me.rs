//! `update_me`: the actor changes their profile.

use velox_kernel::Actor;

use crate::change_user::change_user;
use crate::{ChangeUserError, DisplayName, Identity, User};

/// What to change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct UpdateMe {
    /// How to be shown.
    pub display_name: Option<DisplayName>,
    /// The version the change was made on; any when `None`.
    pub expected_version: Option<u64>,
}

/// Changes the actor's profile and gives it as it is then.
///
/// # Errors
/// See [`ChangeUserError`].
pub async fn update_me(identity: &Identity, actor: &Actor, command: UpdateMe) -> Result<User, ChangeUserError> {
    let UpdateMe { display_name, expected_version } = command;
    change_user(identity, actor, expected_version, |user| {
        if let Some(name) = &display_name {
            user.display_name = name.clone();
        }
    })
    .await
}
