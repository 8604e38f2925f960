//! [`Outbox`]: the bounded queue of one connection.

use std::time::Duration;

use actix_web::web::Bytes;
use tokio::sync::mpsc;
use velox_kernel::AccountId;

use super::channel::Channel;
use super::notice::CloseReason;

/// Where a subscription stands once a message was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// An account's log.
    Log {
        /// The channel.
        channel: Channel,
        /// The account.
        account: AccountId,
        /// The event's number.
        seq: u64,
    },
    /// The market.
    Market {
        /// The feed's run.
        epoch: u64,
        /// The message's number.
        offset: u64,
    },
}

/// What waits for a connection.
#[derive(Clone, Debug)]
pub enum Frame {
    /// A message.
    Message {
        /// As JSON.
        json: Bytes,
        /// Where the subscription stands with it.
        position: Option<Position>,
    },
    /// The end.
    Close(CloseReason),
}

/// The sending side of a connection's queue.
#[derive(Clone, Debug)]
pub struct Outbox {
    queue: mpsc::Sender<Frame>,
    patience: Duration,
}

/// The connection is gone, or is being closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl Outbox {
    /// A queue of so many messages whose sender waits so long for room.
    #[must_use]
    pub fn new(capacity: usize, patience: Duration) -> (Self, mpsc::Receiver<Frame>) {
        let (queue, frames) = mpsc::channel(capacity.max(1));
        (Self { queue, patience }, frames)
    }

    /// Queues a message, waiting for room no longer than the connection's patience. Nothing is ever left out: a
    /// client that does not take its messages loses the connection, and resumes.
    ///
    /// # Errors
    /// [`Gone`] when the connection ended.
    pub async fn send(&self, json: Bytes, position: Option<Position>) -> Result<(), Gone> {
        match self.queue.send_timeout(Frame::Message { json, position }, self.patience).await {
            Ok(()) => Ok(()),
            Err(_) => Err(Gone),
        }
    }

    /// Queues a message if there is room now; market data that finds none is conflated by its source.
    #[must_use]
    pub fn offer(&self, json: &Bytes, position: Position) -> bool {
        self.queue.try_send(Frame::Message { json: json.clone(), position: Some(position) }).is_ok()
    }

    /// Whether the connection is gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.queue.is_closed()
    }

    /// Asks for the connection to be closed.
    pub fn close(&self, reason: CloseReason) {
        // A full queue closes by itself: its reader sees that nobody sends any more.
        let _ = self.queue.try_send(Frame::Close(reason));
    }
}
