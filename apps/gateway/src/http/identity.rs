//! Signing in and out, and the user's own profile, settings and limits.

mod change_password;
mod client_label;
mod get_me;
mod get_risk_settings;
mod get_settings;
mod list_sessions;
mod log_in;
mod log_out;
mod log_out_everywhere;
mod problems;
mod refresh_session;
mod register;
mod revoke_session;
mod risk_settings_view;
mod session_view;
mod settings_view;
mod tokens_view;
mod update_me;
mod update_risk_settings;
mod update_settings;
mod user_view;

use velox_kernel::Permission::{AccountsWrite, ProfileRead, ProfileWrite};

use super::table::{
    Access::{Authenticated, May, Public},
    Limit, Row,
};
use crate::row;

/// The routes of signing in and out. Whatever checks a password counts as an attempt to sign in.
#[must_use]
pub fn auth_rows() -> Vec<Row> {
    vec![
        row!(POST "/v1/auth/register", Public, register).limit(Limit::Login),
        row!(POST "/v1/auth/login", Public, log_in).limit(Limit::Login),
        row!(POST "/v1/auth/refresh", Public, refresh_session),
        row!(POST "/v1/auth/logout", Authenticated, log_out),
        row!(POST "/v1/auth/logout-everywhere", Authenticated, log_out_everywhere),
        row!(POST "/v1/auth/password", May(ProfileWrite), change_password).limit(Limit::Login),
        row!(GET "/v1/auth/sessions", Authenticated, list_sessions),
        row!(DELETE "/v1/auth/sessions/{session_id}", Authenticated, revoke_session),
    ]
}

/// The routes of the user's own profile.
#[must_use]
pub fn user_rows() -> Vec<Row> {
    vec![
        row!(GET "/v1/users/me", May(ProfileRead), get_me),
        row!(PATCH "/v1/users/me", May(ProfileWrite), update_me),
        row!(GET "/v1/users/me/settings", May(ProfileRead), get_settings),
        row!(PUT "/v1/users/me/settings", May(ProfileWrite), update_settings),
        row!(GET "/v1/users/me/risk-settings", May(ProfileRead), get_risk_settings),
        // They become the accounts' limits: whoever may not change an account may not change them.
        row!(PUT "/v1/users/me/risk-settings", May(AccountsWrite), update_risk_settings).limit(Limit::Orders),
    ]
}
