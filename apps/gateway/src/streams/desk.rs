//! [`StreamDesk`]: the ports and bounds that every connection works with.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::broadcast;
use velox_kernel::{Actor, Clock, SessionId};
use velox_trading::Trading;

use super::market_hub::MarketHub;
use super::notice::CloseReason;
use super::open_streams::OpenStreams;
use crate::accounts::Hub;
use crate::http::Authenticator;
use crate::shutdown::Shutdown;

/// How long somebody whose session has ended may take to hear so.
const LOST_RIGHTS: Duration = Duration::from_millis(500);

/// How streams are bounded.
#[derive(Clone, Copy, Debug)]
pub struct StreamSettings {
    /// Messages that may wait for one connection.
    pub queue: usize,
    /// How long a client that takes nothing is waited for before the connection is closed, and how long it then has to
    /// hear the last word.
    pub patience: Duration,
    /// The longest silence of the server; a client may be silent three times as long.
    pub heartbeat: Duration,
    /// How long a client may take to sign in.
    pub sign_in: Duration,
    /// Subscriptions of one connection.
    pub subscriptions: usize,
    /// Symbols of one subscription.
    pub symbols: usize,
    /// How long to trust the hub's silence; `None` when nobody else writes to the store.
    pub look_every: Option<Duration>,
}

impl StreamSettings {
    /// How long a client that has to go may take to hear why; then its socket is closed. Whoever lost the right to
    /// listen is gone within a second.
    #[must_use]
    pub fn farewell(&self, reason: CloseReason) -> Duration {
        match reason {
            CloseReason::SessionEnded => self.patience.min(LOST_RIGHTS),
            _ => self.patience,
        }
    }
}

/// Knows whether somebody who was let in still would be.
#[async_trait]
pub trait Standing: Send + Sync {
    /// False once the session was ended or its rights changed, as known no longer ago than `age`; true when that cannot
    /// be told now.
    async fn still_stands(&self, actor: &Actor, age: Duration) -> bool;
}

/// The ports and bounds that every connection works with.
#[derive(Clone)]
pub struct StreamDesk {
    /// The trading domain's ports.
    pub trading: Trading,
    /// Wakes private subscriptions.
    pub hub: Arc<Hub>,
    /// The market's messages.
    pub market: Arc<MarketHub>,
    /// Knows access tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// Knows sessions.
    pub standing: Arc<dyn Standing>,
    /// How many streams each user has open.
    pub open: Arc<OpenStreams>,
    /// Tells of sessions that end.
    pub sessions_ended: broadcast::Sender<SessionId>,
    /// Whether the process is leaving.
    pub shutdown: Shutdown,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// The bounds.
    pub settings: StreamSettings,
}
