//! Who may do what: [`Permission`]s, bundled into [`Role`]s.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A right to one kind of action within the actor's organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Read one's own profile and settings.
    ProfileRead,
    /// Change one's own profile, settings and password.
    ProfileWrite,
    /// See broker connections; never their credentials.
    BrokersRead,
    /// Create, change, test and delete broker connections.
    BrokersWrite,
    /// See accounts, their state and their events.
    AccountsRead,
    /// Halt and resume an account, move a paper account's cash, change its risk limits.
    AccountsWrite,
    /// See orders, positions and trades.
    OrdersRead,
    /// Place, replace and cancel orders, close positions.
    OrdersWrite,
    /// See instruments, quotes and candles.
    MarketRead,
    /// Load market data. They are shared by all tenants, so the edge also asks for the organisation that runs the
    /// installation.
    MarketWrite,
    /// See the organisation's users.
    UsersRead,
    /// Change the organisation's users and their roles.
    UsersWrite,
    /// See the system's state in detail.
    SystemRead,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::ProfileRead,
        Self::ProfileWrite,
        Self::BrokersRead,
        Self::BrokersWrite,
        Self::AccountsRead,
        Self::AccountsWrite,
        Self::OrdersRead,
        Self::OrdersWrite,
        Self::MarketRead,
        Self::MarketWrite,
        Self::UsersRead,
        Self::UsersWrite,
        Self::SystemRead,
    ];
}

/// What a user is in an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May do everything within the organisation.
    Admin,
    /// May trade and manage brokers, not users.
    Trader,
    /// May look, and mind their own profile.
    Viewer,
}

/// A word that names no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not one of admin, trader, viewer")]
pub struct UnknownRole;

impl Role {
    /// All of them, mightiest first.
    pub const ALL: [Self; 3] = [Self::Admin, Self::Trader, Self::Viewer];

    /// Whether the role carries the permission.
    #[must_use]
    pub const fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Admin => true,
            Self::Trader => !matches!(permission, P::UsersRead | P::UsersWrite | P::MarketWrite | P::SystemRead),
            Self::Viewer => matches!(
                permission,
                P::ProfileRead | P::ProfileWrite | P::BrokersRead | P::AccountsRead | P::OrdersRead | P::MarketRead
            ),
        }
    }

    /// The name, such as `trader`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Trader => "trader",
            Self::Viewer => "viewer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_allows_no_more_than_the_one_above() {
        for permission in Permission::ALL {
            assert!(Role::Admin.allows(permission));
            assert!(!Role::Viewer.allows(permission) || Role::Trader.allows(permission), "{permission:?}");
        }
        assert!(!Role::Viewer.allows(Permission::OrdersWrite));
        assert!(!Role::Trader.allows(Permission::UsersWrite));
    }
}
