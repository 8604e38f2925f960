//! What a client may say on a WebSocket.

use serde::Deserialize;
use velox_kernel::{AccountId, Symbol};

use super::channel::Channel;
use super::market_hub::MarketCursor;

/// What a client may say.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    /// Who it is; not needed when the request carried an `Authorization` header. Again with a newer token, later on.
    Auth {
        /// An access token.
        token: String,
    },
    /// Begin a subscription.
    Subscribe(Subscribe),
    /// End one.
    Unsubscribe {
        /// Of which channel.
        channel: Channel,
        /// Of which account; none for market data.
        account: Option<AccountId>,
    },
    /// Is anybody there?
    Ping {
        /// Comes back in the answer.
        id: Option<u64>,
    },
}

/// A wish for a subscription.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// To which channel.
    pub channel: Channel,
    /// Of which account; needed for the private channels.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// The last `seq` the client has: what came after it is sent first. From now on when `None`.
    #[serde(default)]
    pub after: Option<u64>,
    /// Whether the present state comes first. With it, events go on from the state's `seq`.
    #[serde(default)]
    pub snapshot: bool,
    /// Market data: of which symbols.
    #[serde(default)]
    pub symbols: Vec<Symbol>,
    /// Market data: the epoch of the last message the client has.
    #[serde(default)]
    pub epoch: Option<u64>,
    /// Market data: the offset of the last message the client has.
    #[serde(default)]
    pub offset: Option<u64>,
    /// Market data: the same for symbols whose messages have several epochs, each with the last offset the client has of it.
    #[serde(default)]
    pub cursors: Vec<MarketCursor>,
}
