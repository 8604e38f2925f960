//! [`Teller`]: tells the other processes, without making anybody wait.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use uuid::Uuid;
use velox_kernel::{AccountId, SignalBus};

use super::roster::Roster;
use super::signal::Signal;
use super::words::Words;
use crate::accounts::Touched;
use crate::shutdown::Shutdown;

/// Signals of settings that may wait to be told, however long that takes.
const MOST_KEPT: usize = 1_024;
/// How often a process says that it is there.
const HERE_EVERY: Duration = Duration::from_secs(3);
/// The least time between two texts: what is told meanwhile goes together.
const GAP: Duration = Duration::from_millis(2);
/// How long what waits at the end may take to be told.
const LAST: Duration = Duration::from_secs(1);
/// Signals that may wait, beside one for each account; beyond it the oldest are dropped.
const MOST: usize = 4_096;
/// Accounts whose commits may wait to be told; beyond it further ones are found in the store.
const MOST_ACCOUNTS: usize = 16_384;

/// Tells the other processes. What cannot be told is dropped: they look into the store.
pub struct Teller {
    /// What this process is called.
    pub(super) own: Uuid,
    pub(super) roster: Roster,
    waiting: Mutex<Waiting>,
    wake: Notify,
}

#[derive(Default)]
struct Waiting {
    /// Of each account the newest event, whether an order waits for its broker, and what was changed.
    commits: BTreeMap<AccountId, (u64, bool, Touched)>,
    others: VecDeque<Signal>,
    /// What nobody looks up by himself, so that it is told until the bus has taken it.
    kept: VecDeque<Signal>,
}

impl Teller {
    /// A process of this name. It tells nothing before [`Teller::run`].
    #[must_use]
    pub fn new(own: Uuid) -> Arc<Self> {
        Arc::new(Self { own, roster: Roster::default(), waiting: Mutex::default(), wake: Notify::new() })
    }

    /// Tells nobody, for ever: a process that shares its store with none.
    #[must_use]
    pub fn to_nobody() -> Arc<Self> {
        Self::new(Uuid::nil())
    }

    /// Tells a signal, if anybody is there to hear it.
    pub fn tell(&self, signal: Signal) {
        if self.roster.has_any() {
            self.push(signal);
        }
    }

    /// Whether anybody is there to hear it.
    #[must_use]
    pub fn has_listeners(&self) -> bool {
        self.roster.has_any()
    }

    /// Tells a signal that nobody looks up by himself: until the bus has taken it, also while nobody is known.
    pub fn tell_surely(&self, signal: Signal) {
        let mut told = self.waiting.lock();
        if told.kept.len() >= MOST_KEPT {
            told.kept.pop_front();
            counter!("velox_signals_dropped_total").increment(1);
        }
        told.kept.push_back(signal);
        drop(told);
        self.wake.notify_one();
    }

    /// Tells that an account's log has grown to `seq`; of several commits that wait the newest is told.
    pub fn tell_commit(&self, account: AccountId, seq: u64, waiting: bool, touched: Touched) {
        if !self.roster.has_any() {
            return;
        }
        let mut told = self.waiting.lock();
        if told.commits.len() >= MOST_ACCOUNTS && !told.commits.contains_key(&account) {
            counter!("velox_signals_dropped_total").increment(1);
            return;
        }
        let (newest, any_waiting, most) = told.commits.entry(account).or_insert((seq, waiting, touched));
        *newest = (*newest).max(seq);
        *any_waiting |= waiting;
        *most = (*most).max(touched);
        drop(told);
        self.wake.notify_one();
    }

    /// Says that this process is there, to somebody who was not heard of before.
    pub(super) fn greet(&self) {
        self.push(Signal::Here);
    }

    fn push(&self, signal: Signal) {
        let mut told = self.waiting.lock();
        if told.others.len() >= MOST {
            told.others.pop_front();
            counter!("velox_signals_dropped_total").increment(1);
        }
        told.others.push_back(signal);
        drop(told);
        self.wake.notify_one();
    }

    /// Tells what waits, until everybody who has something to tell has ended, and what waits then.
    pub async fn run(self: Arc<Self>, bus: Arc<dyn SignalBus>, words: Words, ended: Shutdown) {
        let patience = async {
            ended.begun().await;
            sleep(LAST).await;
        };
        tokio::select! {
            () = self.keep_telling(&*bus, &words, &ended) => {}
            () = patience => tracing::warn!("other processes were not told everything: no answer came"),
        }
    }

    async fn keep_telling(&self, bus: &dyn SignalBus, words: &Words, ended: &Shutdown) {
        let mut here = interval(HERE_EVERY);
        here.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut failing, mut is_last) = (false, false);
        loop {
            tokio::select! {
                () = ended.begun() => is_last = true,
                _ = here.tick() => self.push(Signal::Here),
                () = self.wake.notified() => {}
            }
            let next = Instant::now() + GAP;
            let waiting = mem::take(&mut *self.waiting.lock());
            let kept = waiting.kept.clone();
            let mut texts = texts(self.own, waiting, words, bus.longest()).into_iter();
            while let Some(text) = texts.next() {
                let Err(error) = bus.publish(&text).await else {
                    failing = false;
                    continue;
                };
                // What waits behind it would come too late to wake anybody.
                let dropped = texts.len() + 1;
                counter!("velox_signals_dropped_total").increment(u64::try_from(dropped).unwrap_or(u64::MAX));
                if !mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "other processes cannot be woken; they look into the store");
                }
                let mut waiting = self.waiting.lock();
                for signal in kept.into_iter().rev().take(MOST_KEPT - waiting.kept.len()) {
                    waiting.kept.push_front(signal);
                }
                break;
            }
            match is_last {
                true if self.waiting.lock().kept.is_empty() => return,
                // A bus that has just failed may be left alone for a moment.
                true => sleep(LAST / 10).await,
                false => sleep_until(next).await,
            }
        }
    }
}

/// The texts of what waits, none longer than `longest`, in the order in which it was told.
fn texts(own: Uuid, waiting: Waiting, words: &Words, longest: usize) -> Vec<String> {
    let Waiting { commits, others, kept } = waiting;
    let commits = commits.into_iter().map(|(account, (seq, waiting, touched))| Signal::Committed {
        account,
        seq,
        waiting,
        touched,
    });
    let all = kept.into_iter().chain(commits).chain(others);
    let written = all.filter_map(|signal| serde_json::value::to_raw_value(&signal).ok());
    let frame = words.frame(own);
    let (mut texts, mut signals, mut length) = (Vec::new(), Vec::new(), frame);
    for signal in written {
        let room = signal.get().len() + 1;
        if frame + room > longest {
            tracing::warn!(bytes = room, "a signal is too long for the bus");
            counter!("velox_signals_dropped_total").increment(1);
            continue;
        }
        if length + room > longest {
            texts.push(mem::take(&mut signals));
            length = frame;
        }
        length += room;
        signals.push(signal);
    }
    texts.push(signals);
    let texts = texts.into_iter().filter(|signals| !signals.is_empty());
    texts.map(|signals| words.write(own, &signals)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use velox_crypto::{KeyRing, PeerSeal};
    use velox_testkit::TestClock;
    use velox_testkit::peers::MemoryBus;

    use super::*;

    fn words() -> Words {
        Words::new(PeerSeal::new(&KeyRing::generate().unwrap()), Arc::new(TestClock::default()))
    }

    /// The signals of a text.
    fn read(words: &Words, text: &str) -> Vec<Signal> {
        let (_, signals) = words.read(text).unwrap();
        signals.iter().map(|signal| serde_json::from_str(signal.get()).unwrap()).collect()
    }

    fn account(number: u128) -> AccountId {
        AccountId::new(Uuid::from_u128(number))
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_for_nobody_and_the_newest_of_an_account_for_somebody() {
        let (teller, words) = (Teller::new(Uuid::nil()), words());
        teller.tell_commit(account(1), 7, true, Touched::Orders);
        teller.tell(Signal::Here);
        assert!(texts(teller.own, mem::take(&mut *teller.waiting.lock()), &words, 1_000).is_empty());
        teller.roster.note(Uuid::from_u128(9));
        teller.tell_commit(account(1), 8, true, Touched::Holdings);
        teller.tell_commit(account(1), 7, false, Touched::Orders);
        let text = texts(teller.own, mem::take(&mut *teller.waiting.lock()), &words, 1_000).pop().unwrap();
        assert_eq!(
            read(&words, &text),
            [Signal::Committed { account: account(1), seq: 8, waiting: true, touched: Touched::Holdings }]
        );
    }

    #[tokio::test]
    async fn texts_are_as_long_as_the_bus_takes_and_lose_nothing() {
        let commits = (0..500).map(|number| (account(number), (u64::MAX, true, Touched::Rights))).collect();
        let words = words();
        let texts = texts(Uuid::nil(), Waiting { commits, ..Waiting::default() }, &words, 1_000);
        assert!(texts.len() > 1 && texts.iter().all(|text| text.len() <= 1_000));
        assert!(texts.iter().rev().skip(1).all(|text| text.len() > 800), "and not shorter than need be");
        assert_eq!(texts.iter().map(|text| read(&words, text).len()).sum::<usize>(), 500);
    }

    #[tokio::test]
    async fn what_waits_is_bounded() {
        let teller = Teller::new(Uuid::nil());
        for _ in 0..2 * MOST {
            teller.push(Signal::Here);
        }
        assert_eq!(teller.waiting.lock().others.len(), MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_looks_up_is_told_once_the_bus_is_back() {
        let (bus, shutdown, words) = (Arc::new(MemoryBus::default()), Shutdown::default(), words());
        let mut listener = bus.listen().await.unwrap();
        bus.set_away(true);
        let teller = Teller::new(Uuid::from_u128(1));
        let running = tokio::spawn(teller.clone().run(bus.clone(), words.clone(), shutdown.clone()));
        let signal = Signal::UserChanged { user: velox_kernel::UserId::new(Uuid::from_u128(7)) };
        teller.tell(signal.clone());
        teller.tell_surely(signal.clone());
        tokio::time::sleep(HERE_EVERY * 3).await;
        bus.set_away(false);
        let told = read(&words, &listener.next().await.unwrap());
        assert_eq!(told.iter().filter(|told| **told == signal).count(), 1, "{told:?}");
        shutdown.begin();
        running.await.unwrap();
    }

    /// Never answers.
    struct Hanging;

    #[async_trait::async_trait]
    impl SignalBus for Hanging {
        fn longest(&self) -> usize {
            1_000
        }

        async fn publish(&self, _: &str) -> Result<(), velox_kernel::BusAway> {
            std::future::pending().await
        }

        async fn listen(&self) -> Result<Box<dyn velox_kernel::SignalListener>, velox_kernel::BusAway> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_bus_that_hangs_does_not_hold_up_the_end() {
        let shutdown = Shutdown::default();
        let teller = Teller::new(Uuid::from_u128(1));
        let running = tokio::spawn(teller.run(Arc::new(Hanging), words(), shutdown.clone()));
        tokio::time::sleep(HERE_EVERY).await;
        shutdown.begin();
        tokio::time::timeout(LAST * 2, running).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_at_the_end_is_told() {
        let (bus, shutdown, words) = (Arc::new(MemoryBus::default()), Shutdown::default(), words());
        let mut listener = bus.listen().await.unwrap();
        let teller = Teller::new(Uuid::from_u128(1));
        bus.set_away(true);
        let running = tokio::spawn(teller.clone().run(bus.clone(), words.clone(), shutdown.clone()));
        let signal = Signal::UserChanged { user: velox_kernel::UserId::new(Uuid::from_u128(7)) };
        teller.tell_surely(signal.clone());
        tokio::time::sleep(GAP).await;
        shutdown.begin();
        tokio::time::sleep(LAST / 2).await;
        bus.set_away(false);
        running.await.unwrap();
        assert!(read(&words, &listener.next().await.unwrap()).contains(&signal));
    }
}
