//! [`Outbox`]: the bounded queue of one connection, and the one place where its end is decided.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::web::Bytes;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, watch};
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
        /// The run of the process that counts.
        epoch: u64,
        /// The message's number in it.
        offset: u64,
    },
}

/// A message that waits for a connection.
#[derive(Clone, Debug)]
pub struct Frame {
    /// As JSON.
    pub json: Bytes,
    /// Where the subscription stands with it.
    pub position: Option<Position>,
}

/// The receiving side of a connection's queue.
#[derive(Debug)]
pub struct Frames {
    queue: mpsc::Receiver<Frame>,
    taken: Arc<AtomicU64>,
}

impl Frames {
    /// The next message; `None` once nobody is left who could send one. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Frame> {
        let frame = self.queue.recv().await;
        self.count(frame)
    }

    /// The next message if there is one now.
    pub fn next_waiting(&mut self) -> Option<Frame> {
        let frame = self.queue.try_recv().ok();
        self.count(frame)
    }

    fn count(&self, frame: Option<Frame>) -> Option<Frame> {
        if frame.is_some() {
            self.taken.fetch_add(1, Ordering::Relaxed);
        }
        frame
    }
}

/// The sending side of a connection's queue. Clones share one queue.
#[derive(Clone, Debug)]
pub struct Outbox {
    queue: mpsc::Sender<Frame>,
    taken: Arc<AtomicU64>,
    patience: Duration,
    /// Why the connection has to end. Beside the queue, because a full queue is the commonest reason.
    ending: Arc<watch::Sender<Option<CloseReason>>>,
}

/// The connection is gone, or is being closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl Outbox {
    /// A queue of so many messages whose sender waits so long for room.
    #[must_use]
    pub fn new(capacity: usize, patience: Duration) -> (Self, Frames) {
        let (queue, frames) = mpsc::channel(capacity.max(1));
        let taken = Arc::new(AtomicU64::new(0));
        let frames = Frames { queue: frames, taken: Arc::clone(&taken) };
        (Self { queue, taken, patience, ending: Arc::new(watch::Sender::new(None)) }, frames)
    }

    /// How long a client that takes nothing is waited for.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        self.patience
    }

    /// How many messages the client has taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Queues a message, waiting for room no longer than the connection's patience. Nothing is ever left out: a
    /// client that does not take its messages loses the connection, and resumes.
    ///
    /// # Errors
    /// [`Gone`] when the connection ended, or has to end because of this message.
    pub async fn send(&self, json: Bytes, position: Option<Position>) -> Result<(), Gone> {
        match self.queue.send_timeout(Frame { json, position }, self.patience).await {
            Ok(()) => Ok(()),
            Err(SendTimeoutError::Timeout(_)) => {
                self.close(CloseReason::TooSlow);
                Err(Gone)
            }
            Err(SendTimeoutError::Closed(_)) => Err(Gone),
        }
    }

    /// Queues a message if there is room now; market data that finds none is conflated by its source. Half of the
    /// queue is kept for what must not be left out, so that prices in plenty never push an account's events aside.
    #[must_use]
    pub fn offer(&self, json: &Bytes, position: Position) -> bool {
        self.queue.capacity() > self.queue.max_capacity() / 2
            && self.queue.try_send(Frame { json: json.clone(), position: Some(position) }).is_ok()
    }

    /// Whether the connection is gone, or has to go.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.queue.is_closed() || self.ending.borrow().is_some()
    }

    /// Returns once nobody takes messages any more.
    pub async fn gone(&self) {
        self.queue.closed().await;
    }

    /// Asks for the connection to be closed. The first reason stands.
    pub fn close(&self, reason: CloseReason) {
        self.ending.send_if_modified(|ending| {
            let first = ending.is_none();
            if first {
                *ending = Some(reason);
            }
            first
        });
    }

    /// Hears when the connection has to end, and why.
    #[must_use]
    pub fn ending(&self) -> Ending {
        Ending(self.ending.subscribe())
    }
}

/// Hears when a connection has to end. Clones hear the same.
#[derive(Clone, Debug)]
pub struct Ending(watch::Receiver<Option<CloseReason>>);

impl Ending {
    /// Returns once the connection has to end. Dropping the future loses nothing.
    pub async fn reason(&mut self) -> CloseReason {
        match self.0.wait_for(Option::is_some).await {
            Ok(reason) => reason.unwrap_or(CloseReason::ShuttingDown),
            // Nobody is left who could say anything on this connection.
            Err(_) => CloseReason::ShuttingDown,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn message(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_ends_the_connection_instead_of_the_subscription_alone() {
        let (outbox, mut frames) = Outbox::new(1, Duration::from_secs(5));
        outbox.send(message("1"), None).await.unwrap();
        assert_eq!(outbox.send(message("2"), None).await, Err(Gone));
        assert_eq!(outbox.ending().reason().await, CloseReason::TooSlow);
        outbox.close(CloseReason::ShuttingDown);
        assert_eq!(outbox.ending().reason().await, CloseReason::TooSlow, "the first reason stands");
        assert_eq!(frames.next().await.unwrap().json, message("1"), "what was queued is still there");
    }

    #[tokio::test]
    async fn market_data_leaves_room_for_what_must_not_be_left_out() {
        let (outbox, _frames) = Outbox::new(4, Duration::from_secs(5));
        let at = Position::Market { epoch: 1, offset: 1 };
        assert!(outbox.offer(&message("a"), at));
        assert!(outbox.offer(&message("b"), at));
        assert!(!outbox.offer(&message("c"), at));
        outbox.send(message("event"), None).await.unwrap();
        outbox.send(message("event"), None).await.unwrap();
    }
}
