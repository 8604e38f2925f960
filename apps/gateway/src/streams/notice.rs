//! What the server says besides events: answers, heartbeats, errors, and why it closes.

use serde::Serialize;
use velox_kernel::{AccountId, Timestamp};

use super::channel::Channel;

/// What the server says besides events.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Notice<'a> {
    /// The first word on a connection.
    Welcome {
        /// The longest silence that is not a failure.
        heartbeat_ms: u64,
        /// Whether the client is signed in already.
        authenticated: bool,
    },
    /// The token was taken.
    Authenticated,
    /// A subscription began.
    Subscribed {
        /// To which channel.
        channel: Channel,
        /// Of which account.
        #[serde(skip_serializing_if = "Option::is_none")]
        account: Option<AccountId>,
        /// The `seq` after which events follow.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// Market data: whether the client's cursor was good, so that nothing is missing.
        #[serde(skip_serializing_if = "Option::is_none")]
        resumed: Option<bool>,
    },
    /// A subscription ended.
    Unsubscribed {
        /// Of which channel.
        channel: Channel,
        /// Of which account.
        #[serde(skip_serializing_if = "Option::is_none")]
        account: Option<AccountId>,
    },
    /// The answer to a ping.
    Pong {
        /// The ping's.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
    },
    /// Nothing happened, and the server is there.
    Heartbeat {
        /// The server's time.
        at: Timestamp,
    },
    /// A wish was refused; the connection stays.
    Error(StreamError<'a>),
    /// The connection is about to be closed.
    Closing {
        /// Why.
        reason: &'static str,
        /// The same as a number: the close code of a WebSocket.
        code: u16,
        /// When to come back, in milliseconds; spread so that not all clients come at once.
        #[serde(skip_serializing_if = "Option::is_none")]
        reconnect_after_ms: Option<u64>,
    },
}

/// Why a wish was refused.
#[derive(Clone, Debug, Serialize)]
pub struct StreamError<'a> {
    /// The stable name.
    pub code: &'a str,
    /// For people.
    pub detail: String,
    /// How long to wait before saying it again, in milliseconds; of what was said too soon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl StreamError<'static> {
    /// A refusal by name, with words for people.
    #[must_use]
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), retry_after_ms: None }
    }
}

impl Notice<'_> {
    /// The last word of a connection that ends for this reason, with the pause before coming back.
    #[must_use]
    pub const fn closing(reason: CloseReason, reconnect_after_ms: Option<u64>) -> Self {
        Self::Closing { reason: reason.as_str(), code: reason.code(), reconnect_after_ms }
    }

    /// The notice as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Why the server closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// What the client said is no message of the protocol.
    Protocol,
    /// Nobody signed in, in time or validly.
    Unauthenticated,
    /// The session was ended.
    SessionEnded,
    /// The client does not take its messages; it may come back and resume.
    TooSlow,
    /// The client was silent for too long.
    Silent,
    /// The client says far more than its limit allows.
    RateLimited,
    /// The user has as many streams open as one may.
    TooManyStreams,
    /// The server is leaving; come back.
    ShuttingDown,
    /// The log could not be read; come back and resume.
    StoreUnavailable,
}

impl CloseReason {
    /// The WebSocket close code (RFC 6455 §7.4.2: 4000 to 4999 are the application's).
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::ShuttingDown => 1012,
            Self::StoreUnavailable => 1013,
            Self::Protocol => 4400,
            Self::Unauthenticated => 4401,
            Self::SessionEnded => 4403,
            Self::Silent => 4408,
            Self::TooSlow => 4429,
            Self::RateLimited => 4430,
            Self::TooManyStreams => 4431,
        }
    }

    /// How long a client should wait before it comes back, in milliseconds; `None` when coming back the same way is
    /// useless. Spread where all clients are sent away at once.
    #[must_use]
    pub fn reconnect_after_ms(self) -> Option<u64> {
        match self {
            Self::ShuttingDown | Self::StoreUnavailable | Self::RateLimited => Some(up_to_two_seconds()),
            Self::TooSlow | Self::Silent => Some(0),
            Self::Protocol | Self::Unauthenticated | Self::SessionEnded | Self::TooManyStreams => None,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Protocol => "protocol_error",
            Self::Unauthenticated => "unauthenticated",
            Self::SessionEnded => "session_ended",
            Self::TooSlow => "too_slow",
            Self::RateLimited => "rate_limited",
            Self::TooManyStreams => "too_many_streams",
            Self::Silent => "silent",
            Self::ShuttingDown => "shutting_down",
            Self::StoreUnavailable => "store_unavailable",
        }
    }
}

fn up_to_two_seconds() -> u64 {
    let mut bytes = [0; 2];
    if getrandom::fill(&mut bytes).is_err() {
        return 1_000;
    }
    u64::from(u16::from_le_bytes(bytes)) % 2_000
}
