//! The other ports: a connection's accounts, and the test of a connection.

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use velox_kernel::{Actor, Principal};

use crate::Connection;

/// A connection's accounts, which belong to trading. Every method may be repeated without harm.
#[async_trait]
pub trait ConnectionAccounts: Send + Sync {
    /// Opens the account named in the connection, with the cash its settings say; nothing happens when it is open.
    async fn open(&self, connection: &Connection, by: Principal) -> Result<(), AccountsUnavailable>;

    /// Brings changed settings to the connection's accounts.
    async fn configure(&self, connection: &Connection, by: Principal) -> Result<(), AccountsUnavailable>;

    /// Closes the accounts to new orders for good, unless one has open orders or a position. Deciding and closing are
    /// one step, so that no order slips in between.
    async fn retire(&self, connection: &Connection, actor: &Actor) -> Result<Retirement, AccountsUnavailable>;
}

/// Whether a connection's accounts let it go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retirement {
    /// They take no orders any more.
    Retired,
    /// One has open orders or a position; nothing was changed.
    InUse,
}

/// The accounts could not be reached; what was asked may or may not be done, and can be asked again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection's accounts cannot be reached: {0}")]
pub struct AccountsUnavailable(pub String);

/// Tries a connection out at its broker.
#[async_trait]
pub trait ConnectionProbe: Send + Sync {
    /// Runs the broker's checks. A broker that does not answer is a failed check, not an error.
    async fn probe(&self, connection: &Connection, credentials: &[Credential]) -> ProbeReport;
}

/// One credential in the clear. Prints nothing.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The catalog's name for it.
    pub field: String,
    /// Its value.
    pub value: SecretString,
}

/// What a test of a connection found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeReport {
    /// How long the broker took to answer.
    pub latency: Duration,
    /// What was checked, in order.
    pub checks: Vec<ProbeCheck>,
}

impl ProbeReport {
    /// Whether there were checks and all passed.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|check| check.passed)
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeCheck {
    /// Its name, such as `credentials` or `market_data`.
    pub name: &'static str,
    /// Whether it passed.
    pub passed: bool,
    /// What was found, for people.
    pub detail: String,
}
