//! [`Feed`]: the port through which prices come in.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use velox_kernel::Timestamp;

use crate::MarketEvent;

/// Where a feed goes on after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedPosition {
    /// The feed's name, its key in the store: 1 to 64 characters.
    pub feed: String,
    /// The last epoch that was begun. A start takes the next one.
    pub epoch: u64,
    /// What to play next: the number of a bar, a record or a step, from 0.
    pub index: u64,
    /// The feed's time at `index`. A start never goes back behind it.
    pub at: Timestamp,
}

/// Why a feed gives no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// The recording is over and does not loop. Nothing follows.
    #[error("the feed has ended")]
    Ended,
    /// The source cannot be reached. The next call tries again.
    #[error("the feed is not connected: {reason}")]
    Disconnected {
        /// What the source or the network said.
        reason: String,
    },
    /// The source said something that is not market data. The next call goes on behind it.
    #[error("the feed sent what is not understood: {reason}")]
    Malformed {
        /// What was wrong with it.
        reason: String,
    },
}

/// A source of market events, paced by itself.
#[async_trait]
pub trait Feed: Send {
    /// The next event, when it is due.
    ///
    /// Dropping the future before it is ready loses no event.
    ///
    /// # Errors
    /// As [`FeedError`] says.
    async fn next(&mut self) -> Result<MarketEvent, FeedError>;

    /// Where a restart would go on, as of the event given last. [`crate::Ingest`] saves it at most once a second.
    fn position(&self) -> FeedPosition;

    /// Whether the event given last may have been taken in before, here or by another process: a feed that begins a while
    /// before it was left. [`crate::CatchUp`] says how it stands.
    fn repeats(&self) -> bool {
        false
    }
}
