//! [`Door`]: keeps callers from waiting for a server that does not answer.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Open while the server answers. After a question that failed it is closed for a while; then one caller may try, and
/// the others are turned away until that one knows.
#[derive(Debug)]
pub(crate) struct Door {
    closed: Duration,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Open,
    ClosedUntil(Instant),
    Trying { since: Instant },
}

impl Door {
    /// An open door that stays closed for `closed` after a failure.
    pub(crate) const fn new(closed: Duration) -> Self {
        Self { closed, state: Mutex::new(State::Open) }
    }

    /// Whether the caller may ask now. Whoever may says what came of it.
    pub(crate) fn may_ask(&self) -> bool {
        let mut state = self.state.lock();
        let now = Instant::now();
        match *state {
            State::Open => true,
            State::ClosedUntil(until) if now >= until => {
                *state = State::Trying { since: now };
                true
            }
            // The one that tried may have been dropped without a word.
            State::Trying { since } if now.duration_since(since) >= self.closed => {
                *state = State::Trying { since: now };
                true
            }
            State::ClosedUntil(_) | State::Trying { .. } => false,
        }
    }

    /// The server has answered; true when it had not before.
    pub(crate) fn open(&self) -> bool {
        let was = std::mem::replace(&mut *self.state.lock(), State::Open);
        !matches!(was, State::Open)
    }

    /// The server has not answered; true when it had before.
    pub(crate) fn close(&self) -> bool {
        let until = State::ClosedUntil(Instant::now() + self.closed);
        let was = std::mem::replace(&mut *self.state.lock(), until);
        matches!(was, State::Open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_a_failure_one_caller_tries_at_a_time() {
        let door = Door::new(Duration::from_millis(100));
        assert!(door.may_ask() && door.may_ask());
        assert!(door.close());
        assert!(!door.close(), "it was closed already");
        assert!(!door.may_ask());
        tokio::time::advance(Duration::from_millis(100)).await;
        assert!(door.may_ask());
        assert!(!door.may_ask(), "one at a time");
        tokio::time::advance(Duration::from_millis(100)).await;
        assert!(door.may_ask(), "the one that tried was given up");
        assert!(door.open());
        assert!(door.may_ask() && door.may_ask() && !door.open());
    }
}
