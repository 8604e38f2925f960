//! [`SignalBus`]: the port through which processes that share a store wake each other.

use async_trait::async_trait;

/// Nothing can be told or heard now. What was told meanwhile is lost: whoever listens looks into the store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signals are away: {0}")]
pub struct BusAway(pub String);

/// Carries short texts between the processes of an installation, at most once. It only wakes: nothing may depend on
/// a text that arrives.
#[async_trait]
pub trait SignalBus: Send + Sync {
    /// The longest text, in bytes.
    fn longest(&self) -> usize;

    /// Tells a text to every process that listens now, this one too.
    ///
    /// # Errors
    /// [`BusAway`] within the bus's own deadline; some may have heard it.
    async fn publish(&self, text: &str) -> Result<(), BusAway>;

    /// Listens from now on.
    ///
    /// # Errors
    /// [`BusAway`] within the bus's own deadline.
    async fn listen(&self) -> Result<Box<dyn SignalListener>, BusAway>;
}

/// Hears what is told, in the order in which each process told it.
#[async_trait]
pub trait SignalListener: Send {
    /// The next text. Dropping the future before it is ready loses none.
    ///
    /// # Errors
    /// [`BusAway`] when the connection has ended; listen anew then.
    async fn next(&mut self) -> Result<String, BusAway>;
}
