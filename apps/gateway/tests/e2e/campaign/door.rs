//! [`Door`]: where the server is at the moment, told to those who want in.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crate::api::Answer;
use crate::audit::{Books, number};
use crate::waiting::PATIENCE;

/// The channels that are followed.
pub(crate) const CHANNELS: [&str; 3] = ["orders", "positions", "alerts"];

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Default)]
struct State {
    address: Option<SocketAddr>,
    winding_down: bool,
    /// The last event of each channel, once there will be no more.
    ends: Option<BTreeMap<&'static str, u64>>,
    closed: bool,
}

/// Where the server is at the moment.
#[derive(Default)]
pub(crate) struct Door {
    state: Mutex<State>,
    changed: Condvar,
    answers: AtomicU64,
}

/// Ends everybody's work when the campaign has failed: nobody waits for a server that does not come back.
pub(crate) struct CloseOnDrop<'a>(&'a Door);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.closed = std::thread::panicking());
    }
}

impl Door {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    pub(crate) fn close_on_drop(&self) -> CloseOnDrop<'_> {
        CloseOnDrop(self)
    }

    /// The server is here.
    pub(crate) fn open(&self, address: SocketAddr) {
        self.change(|state| state.address = Some(address));
    }

    /// The server is about to be gone.
    pub(crate) fn shut(&self) {
        self.change(|state| state.address = None);
    }

    /// Lets time pass; returns early when somebody gives up.
    pub(crate) fn watch(&self, time: Duration) {
        let state = self.state.lock().unwrap();
        let (state, _) = self.changed.wait_timeout_while(state, time, |state| !state.closed).unwrap();
        assert!(!state.closed, "somebody gave up");
    }

    /// Ends whoever asks when the campaign has failed elsewhere.
    pub(crate) fn check(&self) {
        assert!(!self.state.lock().unwrap().closed, "the campaign has failed elsewhere");
    }

    /// Lets a little time pass before something is tried again; returns early when the campaign has failed.
    pub(crate) fn pause(&self) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_timeout_while(state, PAUSE, |state| !state.closed).unwrap());
        self.check();
    }

    /// A client has its answer, and something was committed for it.
    pub(crate) fn answered(&self, answer: &Answer) {
        if answer.status != 503 {
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many such answers clients have so far.
    pub(crate) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Clients finish what they have begun.
    pub(crate) fn no_more_orders(&self) {
        self.change(|state| state.winding_down = true);
    }

    /// Whether clients may begin something.
    pub(crate) fn may_begin(&self) -> bool {
        self.check();
        !self.state.lock().unwrap().winding_down
    }

    /// Nothing happens any more: the streams end with these events.
    pub(crate) fn ends_at(&self, books: &Books) {
        let last = |channel| books.of_channel(channel).last().map_or(0, |event| number(event, "seq"));
        self.change(|state| state.ends = Some(CHANNELS.map(|channel| (channel, last(channel))).into()));
    }

    /// The last event of a channel, once that is known.
    pub(crate) fn end_of(&self, channel: &str) -> Option<u64> {
        self.state.lock().unwrap().ends.as_ref().map(|ends| ends[channel])
    }

    /// The server's address, once it has one.
    pub(crate) fn enter(&self) -> SocketAddr {
        let state = self.state.lock().unwrap();
        let (state, _) =
            self.changed.wait_timeout_while(state, PATIENCE, |state| state.address.is_none() && !state.closed).unwrap();
        assert!(!state.closed, "the campaign has failed elsewhere");
        state.address.expect("the server comes back")
    }
}
