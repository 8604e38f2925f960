//! [`MemoryBus`], and what every `SignalBus` keeps to.
#![expect(clippy::panic, reason = "a contract fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::broadcast;
use velox_kernel::{BusAway, SignalBus, SignalListener};

/// The longest text of a [`MemoryBus`].
const LONGEST: usize = 1_000;
/// How long a text may take from one process to another.
const DEADLINE: Duration = Duration::from_secs(10);

/// Signals between the listeners of one process.
pub struct MemoryBus {
    texts: broadcast::Sender<String>,
    away: AtomicBool,
}

impl Default for MemoryBus {
    fn default() -> Self {
        Self { texts: broadcast::channel(1_024).0, away: AtomicBool::default() }
    }
}

impl MemoryBus {
    /// From now on it is away, or back.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    fn answer(&self) -> Result<(), BusAway> {
        if self.away.load(Ordering::SeqCst) { Err(BusAway("as the test wants it".to_owned())) } else { Ok(()) }
    }
}

#[async_trait]
impl SignalBus for MemoryBus {
    fn longest(&self) -> usize {
        LONGEST
    }

    async fn publish(&self, text: &str) -> Result<(), BusAway> {
        self.answer()?;
        // Nobody listening is no failure.
        let _ = self.texts.send(text.to_owned());
        Ok(())
    }

    async fn listen(&self) -> Result<Box<dyn SignalListener>, BusAway> {
        self.answer()?;
        Ok(Box::new(Listener(self.texts.subscribe())))
    }
}

struct Listener(broadcast::Receiver<String>);

#[async_trait]
impl SignalListener for Listener {
    async fn next(&mut self) -> Result<String, BusAway> {
        self.0.recv().await.map_err(|error| BusAway(error.to_string()))
    }
}

async fn hear(listener: &mut Box<dyn SignalListener>) -> String {
    tokio::time::timeout(DEADLINE, listener.next())
        .await
        .unwrap_or_else(|_| panic!("nothing was heard within {DEADLINE:?}"))
        .unwrap_or_else(|error| panic!("{error}"))
}

/// What every `SignalBus` keeps to. `make` gives two handles on one bus of nobody else each time.
pub async fn signal_bus_contract<F>(make: F)
where
    F: AsyncFn() -> [Arc<dyn SignalBus>; 2],
{
    let [one, other] = make().await;
    one.publish("nobody listens").await.unwrap_or_else(|error| panic!("{error}"));
    let listen = async |bus: &Arc<dyn SignalBus>| bus.listen().await.unwrap_or_else(|error| panic!("{error}"));
    let (mut here, mut there) = (listen(&one).await, listen(&other).await);

    // Everybody hears it, the teller too, in the order in which it was told.
    for number in 0..100 {
        one.publish(&number.to_string()).await.unwrap_or_else(|error| panic!("{error}"));
    }
    for number in 0..100 {
        assert_eq!(hear(&mut there).await, number.to_string());
        assert_eq!(hear(&mut here).await, number.to_string());
    }

    // As long as it says, and every character.
    let longest: String = "ä'\"\\\n☃ "
        .chars()
        .cycle()
        .scan(0, |length, character| {
            *length += character.len_utf8();
            (*length <= one.longest()).then_some(character)
        })
        .collect();
    other.publish(&longest).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(hear(&mut here).await, longest);

    // A wait that is given up loses nothing.
    let impatient = tokio::time::timeout(Duration::from_millis(5), there.next()).await;
    if let Ok(heard) = impatient {
        assert_eq!(heard.as_deref(), Ok(longest.as_str()));
    } else {
        assert_eq!(hear(&mut there).await, longest);
    }
    let waiting = tokio::spawn(async move { hear(&mut there).await });
    other.publish("woken").await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(waiting.await.ok().as_deref(), Some("woken"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_keeps_the_contract() {
        signal_bus_contract(async || {
            let bus = Arc::new(MemoryBus::default());
            let one: Arc<dyn SignalBus> = bus.clone();
            [one, bus]
        })
        .await;
    }
}
