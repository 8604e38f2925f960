//! [`Signal`]: what one process tells the others.

use serde::{Deserialize, Serialize};
use velox_kernel::{AccountId, ConnectionId, OrgId, SessionId, Symbol, Timestamp, UserId};
use velox_market::{Candle, MarketEvent};

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
    Market(Box<MarketSignal>),
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

/// What the process that has the feed tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketSignal {
    /// The epoch of the market's messages.
    pub epoch: u64,
    /// The offset of the first message that this makes; the others follow.
    pub offset: u64,
    /// What it tells.
    pub word: MarketWord,
}

/// One thing that the process with the feed tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a signal is boxed, and most are the large one")]
pub enum MarketWord {
    /// The feed said something.
    Event {
        /// What.
        event: MarketEvent,
        /// The candles that it closed, of every timeframe.
        closed: Vec<Candle>,
        /// The minute that grows.
        growing: Option<Candle>,
    },
    /// Candles closed because their time was over.
    Closed {
        /// When, by the feed.
        at: Timestamp,
        /// Which.
        closed: Vec<Candle>,
    },
    /// A source has gone mute, or is back.
    Stale {
        /// Of what.
        symbol: Symbol,
        /// When, by the feed.
        at: Timestamp,
        /// Whether it is mute.
        stale: bool,
    },
    /// Nothing; the process with the feed is there.
    Alive {
        /// The feed's time.
        at: Timestamp,
    },
}
