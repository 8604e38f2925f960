//! Identity: users, passwords, sessions, tokens, settings. See the README for what it must never know.
//!
//! Every use case takes the [`Identity`] and, where somebody acts, the [`Actor`](velox_kernel::Actor). Writes should
//! run to their end even when the client hangs up: spawn them at the edge.

mod authenticate;
mod cache;
mod change_access;
mod change_password;
mod change_user;
mod common_passwords;
mod create_first_owner;
mod display_name;
mod email;
mod end_sessions;
mod get_me;
mod identity;
mod is_host;
mod list_sessions;
mod log_in;
mod log_out;
mod log_out_everywhere;
mod password;
mod ports;
mod prune_sessions;
mod refresh_session;
mod register;
mod reread_me;
mod revoke_session;
mod risk_settings;
mod session;
mod settings;
mod sign_in;
mod store;
mod tokens;
mod update_me;
mod update_risk_settings;
mod update_settings;
mod user;

pub use authenticate::{AuthenticateError, authenticate, still_stands};
pub use change_access::{ChangeAccessError, change_access};
pub use change_password::{ChangePassword, ChangePasswordError, change_password};
pub use change_user::ChangeUserError;
pub use create_first_owner::{FirstOwner, create_first_owner};
pub use display_name::{DisplayName, InvalidDisplayName};
pub use email::{Email, InvalidEmail};
pub use get_me::get_me;
pub use identity::{Identity, IdentityConfig, IdentityPorts};
pub use is_host::is_host;
pub use list_sessions::list_sessions;
pub use log_in::{LogIn, LogInError, log_in};
pub use log_out::log_out;
pub use log_out_everywhere::log_out_everywhere;
pub use password::{NewPassword, Password, PasswordHash, PasswordTooLong, WeakPassword};
pub use ports::{
    AccessListener, HasherError, NoRandomness, PasswordHasher, Secrets, SigningFailed, TokenError, TokenSigner,
};
pub use prune_sessions::prune_sessions;
pub use refresh_session::{RefreshSessionError, refresh_session};
pub use register::{Register, RegisterError, register};
pub use reread_me::reread_me;
pub use revoke_session::revoke_session;
pub use risk_settings::{InvalidRiskSettings, RiskSettings};
pub use session::{RefreshRecord, RefreshVerdict, Session, SessionLabel, SessionStanding, judge_refresh};
pub use settings::{InvalidSetting, Locale, Settings, Theme, Timezone};
pub use sign_in::{IdentityFailure, SignedIn};
pub use store::{
    AccessChange, EndSessions, IdentityStore, NewSession, NewUser, PasswordChange, PasswordChanged, RotateRefresh,
    Rotation, StoreError, UserCreation,
};
pub use tokens::{AccessToken, Claims, GeneratedPassword, RefreshToken, Tokens};
pub use update_me::{UpdateMe, update_me};
pub use update_risk_settings::{RiskSettingsChanged, UpdateRiskSettingsError, update_risk_settings};
pub use update_settings::{UpdateSettings, update_settings};
pub use user::{Org, User};
