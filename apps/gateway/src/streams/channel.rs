//! [`Channel`]: what can be subscribed to, and which events each channel carries.

use serde::{Deserialize, Serialize};
use velox_kernel::Permission;

/// What can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Channel {
    /// Trades, quotes and candles of symbols.
    #[serde(rename = "market-data")]
    MarketData,
    /// Everything that happens to an account's orders.
    #[serde(rename = "orders")]
    Orders,
    /// What changes an account's positions and cash.
    #[serde(rename = "positions")]
    Positions,
    /// What somebody should look at.
    #[serde(rename = "alerts")]
    Alerts,
}

impl Channel {
    /// The channels that carry an account's events.
    pub const PRIVATE: [Self; 3] = [Self::Orders, Self::Positions, Self::Alerts];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MarketData => "market-data",
            Self::Orders => "orders",
            Self::Positions => "positions",
            Self::Alerts => "alerts",
        }
    }

    /// The channel of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::MarketData, Self::Orders, Self::Positions, Self::Alerts]
            .into_iter()
            .find(|channel| channel.as_str() == name)
    }

    /// What a subscriber must be allowed.
    #[must_use]
    pub const fn permission(self) -> Permission {
        match self {
            Self::MarketData => Permission::MarketRead,
            Self::Orders | Self::Positions | Self::Alerts => Permission::OrdersRead,
        }
    }

    /// Whether it carries an account's events of this type. The protocol's document lists the same.
    #[must_use]
    pub fn carries(self, kind: &str) -> bool {
        match self {
            Self::MarketData => false,
            Self::Orders => kind.starts_with("order_"),
            Self::Positions => matches!(kind, "order_filled" | "cash_moved" | "account_opened" | "account_reset"),
            Self::Alerts => matches!(kind, "order_denied" | "order_unknown" | "account_halted" | "account_resumed"),
        }
    }

    /// Its place among a commit's serialised forms.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::MarketData | Self::Orders => 0,
            Self::Positions => 1,
            Self::Alerts => 2,
        }
    }
}
