//! [`listen`]: hears the other processes.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use velox_kernel::SignalBus;

use super::signal::Signal;
use super::teller::Teller;
use super::words::Words;
use crate::shutdown::Shutdown;

/// How long to wait before listening again after the connection has ended.
const AGAIN: Duration = Duration::from_millis(250);

/// Whoever acts on signals. It must not block.
pub trait Heard: Send + Sync {
    /// Another process has told this.
    fn hear(&self, signal: Signal);

    /// Something may have been told and not heard: what is believed of others is to be looked up anew.
    fn missed(&self);
}

/// Listens until the shutdown begins, again and again when the connection ends.
pub async fn listen(
    bus: Arc<dyn SignalBus>,
    words: Words,
    teller: Arc<Teller>,
    heard: Arc<dyn Heard>,
    shutdown: Shutdown,
) {
    let begun = shutdown.begun();
    tokio::pin!(begun);
    let mut told = false;
    loop {
        tokio::select! {
            () = &mut begun => return,
            error = listen_once(&*bus, &words, &teller, &*heard, &mut told) => {
                if !told {
                    tracing::warn!(%error, "other processes cannot be heard; the store is looked at instead");
                }
                told = true;
            }
        }
        tokio::select! {
            () = &mut begun => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

/// Listens until the connection ends, and says why it did.
async fn listen_once(
    bus: &dyn SignalBus,
    words: &Words,
    teller: &Teller,
    heard: &dyn Heard,
    told: &mut bool,
) -> velox_kernel::BusAway {
    let mut listener = match bus.listen().await {
        Ok(listener) => listener,
        Err(error) => return error,
    };
    if std::mem::take(told) {
        tracing::info!("other processes are heard again");
    }
    // What was told before now was not heard.
    heard.missed();
    teller.greet();
    loop {
        match listener.next().await {
            Ok(text) => take(&text, words, teller, heard),
            Err(error) => return error,
        }
    }
}

fn take(text: &str, words: &Words, teller: &Teller, heard: &dyn Heard) {
    let Some((from, signals)) = words.read(text) else {
        counter!("velox_signals_refused_total").increment(1);
        return;
    };
    if from == teller.own {
        return;
    }
    if teller.roster.note(from) {
        teller.greet();
    }
    for signal in signals {
        match serde_json::from_str::<Signal>(signal.get()) {
            Ok(signal) => {
                counter!("velox_signals_heard_total", "kind" => signal.name()).increment(1);
                heard.hear(signal);
            }
            // A newer version may tell what this one does not know; the rest of its words counts all the same.
            Err(error) => tracing::debug!(%error, "a signal is not understood"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use parking_lot::Mutex;
    use tokio::sync::mpsc;
    use uuid::Uuid;
    use velox_crypto::{KeyRing, PeerSeal};
    use velox_kernel::UserId;
    use velox_testkit::TestClock;
    use velox_testkit::peers::MemoryBus;

    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    enum Word {
        Heard(Signal),
        Missed,
    }

    struct Notes(Mutex<mpsc::UnboundedSender<Word>>);

    impl Heard for Notes {
        fn hear(&self, signal: Signal) {
            self.0.lock().send(Word::Heard(signal)).unwrap();
        }

        fn missed(&self) {
            self.0.lock().send(Word::Missed).unwrap();
        }
    }

    fn sealed() -> Words {
        Words::new(PeerSeal::new(&KeyRing::generate().unwrap()), Arc::new(TestClock::default()))
    }

    /// A process on the bus.
    fn process(
        number: u128,
        sealed: &Words,
        bus: &Arc<MemoryBus>,
        shutdown: &Shutdown,
    ) -> (Arc<Teller>, mpsc::UnboundedReceiver<Word>) {
        let teller = Teller::new(Uuid::from_u128(number));
        let (notes, words) = mpsc::unbounded_channel();
        tokio::spawn(teller.clone().run(bus.clone(), sealed.clone(), shutdown.clone()));
        let heard = Arc::new(Notes(Mutex::new(notes)));
        tokio::spawn(listen(bus.clone(), sealed.clone(), teller.clone(), heard, shutdown.clone()));
        (teller, words)
    }

    #[tokio::test(start_paused = true)]
    async fn processes_find_each_other_and_hear_what_the_others_tell() {
        let (bus, shutdown) = (Arc::new(MemoryBus::default()), Shutdown::default());
        let sealed = sealed();
        let (one, mut heard_by_one) = process(1, &sealed, &bus, &shutdown);
        assert_eq!(heard_by_one.recv().await, Some(Word::Missed));
        let (two, mut heard_by_two) = process(2, &sealed, &bus, &shutdown);
        assert_eq!(heard_by_two.recv().await, Some(Word::Missed));
        while !(one.roster.has_any() && two.roster.has_any()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let signal = Signal::UserChanged { user: UserId::new(Uuid::from_u128(7)) };
        one.tell(signal.clone());
        let others = async |words: &mut mpsc::UnboundedReceiver<Word>| loop {
            match words.recv().await {
                Some(Word::Heard(Signal::Here)) => {}
                other => return other,
            }
        };
        assert_eq!(others(&mut heard_by_two).await, Some(Word::Heard(signal)));
        let signal = Signal::UserChanged { user: UserId::new(Uuid::from_u128(8)) };
        two.tell(signal.clone());
        assert_eq!(others(&mut heard_by_one).await, Some(Word::Heard(signal)), "nobody hears what it told itself");
        shutdown.begin();
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_silence_it_is_said_that_something_may_be_missing() {
        let (bus, shutdown) = (Arc::new(MemoryBus::default()), Shutdown::default());
        bus.set_away(true);
        let (_, mut heard) = process(1, &sealed(), &bus, &shutdown);
        tokio::time::sleep(AGAIN * 10).await;
        assert!(heard.try_recv().is_err());
        bus.set_away(false);
        assert_eq!(heard.recv().await, Some(Word::Missed));
        shutdown.begin();
    }
}
