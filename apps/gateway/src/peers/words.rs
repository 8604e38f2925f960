//! [`Words`]: signals as texts that only processes of this installation write, and only lately.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;
use velox_crypto::PeerSeal;
use velox_kernel::{Clock, Timestamp};

/// How far apart the machines' clocks may be, the way of a text included. What is older was kept back by somebody.
const LATE: Duration = Duration::from_secs(30);

/// Writes signals as texts, and reads those of other processes.
#[derive(Clone)]
pub struct Words {
    seal: PeerSeal,
    clock: Arc<dyn Clock>,
}

/// The signals of one process.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Envelope<S> {
    pub(super) from: Uuid,
    /// When it was told, in microseconds since 1970.
    pub(super) at: i64,
    pub(super) signals: Vec<S>,
}

impl Words {
    /// Texts under this seal; `clock` is wall time.
    #[must_use]
    pub fn new(seal: PeerSeal, clock: Arc<dyn Clock>) -> Self {
        Self { seal, clock }
    }

    /// How long a text is beside its signals, in bytes; each of those takes one byte more than it is long.
    pub(super) fn frame(&self, from: Uuid) -> usize {
        self.write(from, &[]).len()
    }

    /// The text of some signals.
    pub(super) fn write(&self, from: Uuid, signals: &[Box<RawValue>]) -> String {
        let envelope = Envelope { from, at: self.clock.now().micros(), signals: signals.to_vec() };
        self.seal.seal(&serde_json::to_string(&envelope).unwrap_or_default())
    }

    /// Who told a text, and the signals in it; `None` when it is not to be listened to.
    pub(super) fn read<'a>(&self, text: &'a str) -> Option<(Uuid, Vec<&'a RawValue>)> {
        let opened = self.seal.open(text)?;
        let Envelope { from, at, signals } = serde_json::from_str::<Envelope<&RawValue>>(opened).ok()?;
        let (now, at) = (self.clock.now(), Timestamp::from_micros(at));
        (now.since(at).max(at.since(now)) <= LATE).then_some((from, signals))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use velox_crypto::KeyRing;
    use velox_testkit::TestClock;

    use super::*;

    #[test]
    fn what_is_old_or_of_another_installation_is_not_listened_to() {
        let clock = Arc::new(TestClock::default());
        let words = || Words::new(PeerSeal::new(&KeyRing::generate().unwrap()), clock.clone());
        let (ours, theirs) = (words(), words());
        let text = ours.write(Uuid::from_u128(1), &[]);
        assert!(ours.read(&text).is_some() && theirs.read(&text).is_none());
        clock.advance(LATE + Duration::from_secs(1));
        assert!(ours.read(&text).is_none(), "somebody kept it back");
    }
}
