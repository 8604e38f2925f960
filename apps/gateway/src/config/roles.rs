//! [`Roles`]: what a process does.

use super::setting::Setting;

/// A part of what an installation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Serves clients.
    Gateway,
    /// Hands orders to brokers and takes their reports.
    Execution,
    /// Has the feed.
    MarketData,
    /// Halts accounts whose loss has reached its limit.
    Risk,
    /// Publishes the log.
    Relay,
}

impl Role {
    const ALL: [Self; 5] = [Self::Gateway, Self::Execution, Self::MarketData, Self::Risk, Self::Relay];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Execution => "execution",
            Self::MarketData => "market-data",
            Self::Risk => "risk",
            Self::Relay => "relay",
        }
    }
}

/// The roles that a process plays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Roles {
    /// Whether it plays a role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// Whether it plays all of them.
    #[must_use]
    pub fn are_all(&self) -> bool {
        Role::ALL.iter().all(|role| self.has(*role))
    }

    /// Their names, by commas.
    #[must_use]
    pub fn names(&self) -> String {
        self.0.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(",")
    }
}

impl Setting for Roles {
    const JSON_TYPE: &'static str = "array";

    fn read(text: &str) -> Result<Self, String> {
        let words = Vec::<String>::read(text)?;
        let known = || Role::ALL.map(Role::as_str).join(", ");
        let mut roles = Vec::new();
        for word in &words {
            match Role::ALL.iter().find(|role| role.as_str() == word) {
                Some(role) => roles.push(*role),
                None if word == "all" => roles.extend(Role::ALL),
                None => return Err(format!("must be all, or some of {}, separated by commas", known())),
            }
        }
        if roles.is_empty() {
            return Err(format!("must name a role: all, or some of {}", known()));
        }
        Ok(Self(Role::ALL.into_iter().filter(|role| roles.contains(role)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        Roles::read(text).map(|roles| roles.names())
    }

    #[test]
    fn roles_are_read_in_any_order_and_refused_when_there_are_none_such() {
        assert_eq!(read("all").as_deref(), Ok("gateway,execution,market-data,risk,relay"));
        assert_eq!(read(" relay, gateway,relay").as_deref(), Ok("gateway,relay"));
        assert_eq!(read("market-data,execution").as_deref(), Ok("execution,market-data"));
        assert_eq!(read("execution").as_deref(), Ok("execution"));
        for wrong in ["", "gateways", "gateway,executions"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(Roles::read("all").is_ok_and(|roles| roles.are_all()));
        assert!(Roles::read("relay").is_ok_and(|roles| !roles.are_all() && roles.has(Role::Relay)));
    }
}
