//! [`Signal`]: what one process tells the others.

use serde::{Deserialize, Serialize};
use velox_kernel::{AccountId, ConnectionId, OrgId, SessionId, Symbol, Timestamp, UserId};
use velox_messages::MarketStep;

use crate::accounts::Touched;

/// What one process tells the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Signal {
    /// The process is there.
    Here,
    /// An account's log has grown.
    Committed {
        /// Whose.
        account: AccountId,
        /// Its newest event.
        seq: u64,
        /// Whether an order waits for a call to its broker.
        waiting: bool,
        /// What was changed.
        #[serde(default)]
        touched: Touched,
    },
    /// A session has ended.
    SessionEnded {
        /// Which.
        session: SessionId,
    },
    /// A user, or what the user may, has changed.
    UserChanged {
        /// Which.
        user: UserId,
    },
    /// The settings of a broker connection have changed.
    ConnectionChanged {
        /// Whose.
        org: OrgId,
        /// Which.
        connection: ConnectionId,
        /// Its account.
        account: AccountId,
    },
    /// Candles were imported.
    CandlesImported {
        /// Of what.
        symbol: Symbol,
        /// From the opening of the first.
        from: Timestamp,
        /// To the close of the last.
        to: Timestamp,
    },
    /// The market has moved.
    Market(Box<MarketStep>),
}

impl Signal {
    /// Its kind, for counters.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Committed { .. } => "committed",
            Self::SessionEnded { .. } => "session_ended",
            Self::UserChanged { .. } => "user_changed",
            Self::ConnectionChanged { .. } => "connection_changed",
            Self::CandlesImported { .. } => "candles_imported",
            Self::Market(_) => "market",
        }
    }
}
