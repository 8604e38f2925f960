//! [`Replica`]: how far a replica is, and whether it may answer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use metrics::gauge;
use parking_lot::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use velox_kernel::{Freshness, StorePosition};

use crate::shutdown::Shutdown;

/// How often both servers are asked how far they are.
const LOOK: Duration = Duration::from_millis(200);
/// How long either may take to say so; a list waits for it.
const DEADLINE: Duration = Duration::from_millis(500);
/// How often a replica that is a little behind is asked again for a list, and how long in between.
const PATIENCE: u32 = 3;
const AGAIN: Duration = Duration::from_millis(5);

/// Says how far a server's history goes.
#[async_trait]
pub trait Positioned: Send + Sync {
    /// How far, now.
    ///
    /// # Errors
    /// Why it cannot be told.
    async fn position(&self) -> Result<StorePosition, String>;

    /// Whether it can be read at all, asked once before it is.
    ///
    /// # Errors
    /// Why not.
    async fn is_fit(&self) -> Result<(), String>;
}

/// How the replica is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicaState {
    /// It is not read: why.
    Away(String),
    /// It is at most so far behind.
    Behind(Duration),
}

/// A replica and its primary.
pub struct Replica {
    primary: Arc<dyn Positioned>,
    replica: Arc<dyn Positioned>,
    /// How far behind it may be.
    bound: Duration,
    known: Mutex<Known>,
}

struct Known {
    /// How far the primary was, and when, oldest first: as many as tell how old the replica is within the bound.
    primary: VecDeque<(Instant, StorePosition)>,
    /// How far the replica was; `None` when it is not to be read.
    replica: Result<StorePosition, String>,
}

impl Replica {
    /// A replica that may be `bound` behind its primary. It is not read before [`watch_replica`] has found it fit.
    #[must_use]
    pub fn new(primary: Arc<dyn Positioned>, replica: Arc<dyn Positioned>, bound: Duration) -> Arc<Self> {
        let known = Known { primary: VecDeque::new(), replica: Err("it was not looked at yet".to_owned()) };
        Arc::new(Self { primary, replica, bound, known: Mutex::new(known) })
    }

    /// How far behind it may be.
    #[must_use]
    pub const fn bound(&self) -> Duration {
        self.bound
    }

    /// How far the primary is now: whoever has just done something names this to see it.
    pub async fn newest(&self) -> Option<StorePosition> {
        ask(&*self.primary).await.ok()
    }

    /// What the replica must have to answer what has to be so new; `None` when it has not, and the primary is to be asked.
    pub async fn may_answer(&self, freshness: Freshness) -> Option<StorePosition> {
        let known = self.known.lock().replica.clone().ok()?;
        let wanted = match freshness {
            Freshness::Since(seen) => seen.max(self.oldest_allowed()?),
            Freshness::Now => ask(&*self.primary).await.ok()?,
        };
        if known >= wanted {
            return Some(wanted);
        }
        // One that is far behind does not come up in a moment.
        if matches!(self.state(), ReplicaState::Behind(behind) if behind > LOOK * 2) {
            return None;
        }
        for turn in 0..PATIENCE {
            if turn > 0 {
                tokio::time::sleep(AGAIN).await;
            }
            match ask(&*self.replica).await {
                Ok(there) => {
                    self.note(&Ok(there));
                    if there >= wanted {
                        return Some(wanted);
                    }
                }
                Err(error) => {
                    self.failed(&error);
                    return None;
                }
            }
        }
        None
    }

    /// It gave no list: that may be of one server behind its name that is further behind than the others, or it is away.
    pub async fn doubt(&self, why: &str) {
        match ask(&*self.replica).await {
            Ok(there) => tracing::debug!(why, ?there, "the primary answers a list in the replica's place"),
            Err(_) => self.failed(why),
        }
    }

    /// It did not answer: it is not read until it is found fit again.
    pub fn failed(&self, why: &str) {
        let mut known = self.known.lock();
        if known.replica.is_ok() {
            tracing::warn!(why, "the read replica is not read until it answers again");
        }
        known.replica = Err(why.to_owned());
    }

    /// How the replica is.
    #[must_use]
    pub fn state(&self) -> ReplicaState {
        let known = self.known.lock();
        match &known.replica {
            Err(why) => ReplicaState::Away(why.clone()),
            Ok(there) => {
                // It has all of what the primary had before the first position that it does not have.
                let missing = known.primary.iter().find(|(_, position)| position > there);
                ReplicaState::Behind(missing.map_or(Duration::ZERO, |(at, _)| at.elapsed()))
            }
        }
    }

    /// What the replica must have so as not to be older than the bound; `None` while that cannot be told.
    fn oldest_allowed(&self) -> Option<StorePosition> {
        // Whoever has the first position that was seen within the bound has everything from before the bound.
        let known = self.known.lock();
        known.primary.iter().find(|(at, _)| at.elapsed() <= self.bound).map(|(_, position)| *position)
    }

    fn note(&self, there: &Result<StorePosition, String>) {
        match there {
            Err(error) => self.failed(error),
            // As it says, also when that is less than before: a replica that was started anew replays some of its past.
            Ok(there) => self.known.lock().replica = Ok(*there),
        }
    }

    async fn look(&self, fit: &mut bool) {
        let began = Instant::now();
        if let Ok(now) = ask(&*self.primary).await {
            let mut known = self.known.lock();
            known.primary.push_back((began, now));
            while known.primary.len() > 2 && known.primary.get(1).is_some_and(|(at, _)| at.elapsed() > self.bound) {
                known.primary.pop_front();
            }
        }
        let away = self.known.lock().replica.is_err();
        if away {
            *fit = false;
        }
        if !*fit {
            match timeout(DEADLINE * 4, self.replica.is_fit()).await {
                Ok(Ok(())) => *fit = true,
                Ok(Err(why)) => return self.failed(&why),
                Err(_) => return self.failed("it does not answer"),
            }
            tracing::info!("the read replica answers");
        }
        self.note(&ask(&*self.replica).await);
        // Nobody knows how far behind one is that is away.
        let behind = match self.state() {
            ReplicaState::Behind(behind) => behind.as_secs_f64(),
            ReplicaState::Away(_) => f64::NAN,
        };
        gauge!("velox_replica_lag_seconds").set(behind);
    }
}

async fn ask(server: &dyn Positioned) -> Result<StorePosition, String> {
    timeout(DEADLINE, server.position()).await.unwrap_or_else(|_| Err(format!("no answer came within {DEADLINE:?}")))
}

/// Asks both servers how far they are, until the shutdown begins.
pub async fn watch_replica(replica: Arc<Replica>, shutdown: Shutdown) {
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let begun = shutdown.begun();
    tokio::pin!(begun);
    let mut fit = false;
    loop {
        tokio::select! {
            () = &mut begun => return,
            _ = look.tick() => replica.look(&mut fit).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server whose history is as long as the test says.
    #[derive(Default)]
    struct Server(Mutex<Option<u64>>);

    impl Server {
        fn at(&self, number: u64) {
            *self.0.lock() = Some(number);
        }
    }

    #[async_trait]
    impl Positioned for Server {
        async fn position(&self) -> Result<StorePosition, String> {
            self.0.lock().map(StorePosition::new).ok_or_else(|| "away".to_owned())
        }

        async fn is_fit(&self) -> Result<(), String> {
            self.position().await.map(drop)
        }
    }

    struct Pair {
        primary: Arc<Server>,
        replica: Arc<Server>,
        watched: Arc<Replica>,
        fit: bool,
    }

    fn pair() -> Pair {
        let (primary, replica) = (Arc::<Server>::default(), Arc::<Server>::default());
        let watched = Replica::new(primary.clone(), replica.clone(), Duration::from_secs(2));
        Pair { primary, replica, watched, fit: false }
    }

    impl Pair {
        /// A second in which both are so far.
        async fn second(&mut self, primary: u64, replica: u64) {
            self.primary.at(primary);
            self.replica.at(replica);
            for _ in 0..5 {
                self.watched.look(&mut self.fit).await;
                tokio::time::advance(LOOK).await;
            }
        }

        async fn answers(&self, freshness: Freshness) -> bool {
            self.watched.may_answer(freshness).await.is_some()
        }
    }

    fn since(number: u64) -> Freshness {
        Freshness::Since(StorePosition::new(number))
    }

    #[tokio::test(start_paused = true)]
    async fn what_must_be_new_is_answered_by_a_replica_that_has_everything() {
        let mut pair = pair();
        assert!(!pair.answers(Freshness::Now).await, "nobody has looked");
        pair.second(10, 10).await;
        assert!(pair.answers(Freshness::Now).await);
        pair.primary.at(11);
        assert!(!pair.answers(Freshness::Now).await, "what was just done is not there");
        pair.replica.at(11);
        assert!(pair.answers(Freshness::Now).await, "it is asked again when it is behind");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_seen_is_enough_while_the_replica_is_not_too_old() {
        let mut pair = pair();
        for second in 0..4 {
            pair.second(10 + second, 10 + second.saturating_sub(1)).await;
        }
        // The primary is at 13, the replica at 12, a second behind.
        assert!(pair.answers(since(12)).await && !pair.answers(since(13)).await);
        assert!(matches!(pair.watched.state(), ReplicaState::Behind(behind) if behind < Duration::from_secs(2)));
        for second in 4..8 {
            pair.second(10 + second, 12).await;
        }
        assert!(!pair.answers(since(0)).await, "four seconds behind where two are allowed");
        assert!(matches!(pair.watched.state(), ReplicaState::Behind(behind) if behind > Duration::from_secs(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_away_answers_nothing_until_it_is_found_fit_again() {
        let mut pair = pair();
        pair.second(10, 10).await;
        pair.watched.failed("as told");
        assert!(!pair.answers(since(1)).await && !pair.answers(Freshness::Now).await);
        pair.second(10, 10).await;
        assert!(pair.answers(since(1)).await);
        *pair.primary.0.lock() = None;
        assert!(!pair.answers(Freshness::Now).await, "nobody can say what is new");
    }
}
