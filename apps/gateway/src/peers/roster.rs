//! [`Roster`]: which other processes are there.

use std::collections::HashMap;
use std::time::Duration;

use metrics::gauge;
use parking_lot::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

/// How long a process is believed to be there after its last word.
const PRESENT: Duration = Duration::from_secs(10);
/// Processes remembered; beyond it a newcomer is not told apart.
const MOST: usize = 10_000;

/// Which other processes were heard of lately. While there is none, nobody needs to be told anything.
#[derive(Debug, Default)]
pub(super) struct Roster(Mutex<HashMap<Uuid, Instant>>);

impl Roster {
    /// Notes a word of a process; true when it is new.
    pub(super) fn note(&self, process: Uuid) -> bool {
        let mut known = self.0.lock();
        let now = Instant::now();
        if known.len() >= MOST && !known.contains_key(&process) {
            return false;
        }
        let new = known.insert(process, now).is_none_or(|heard| now.duration_since(heard) >= PRESENT);
        gauge!("velox_peers").set(f64::from(u32::try_from(known.len()).unwrap_or(u32::MAX)));
        new
    }

    /// Whether there is anybody.
    pub(super) fn has_any(&self) -> bool {
        let mut known = self.0.lock();
        let now = Instant::now();
        let before = known.len();
        known.retain(|_, heard| now.duration_since(*heard) < PRESENT);
        if known.len() != before {
            gauge!("velox_peers").set(f64::from(u32::try_from(known.len()).unwrap_or(u32::MAX)));
        }
        !known.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_is_silent_is_forgotten() {
        let roster = Roster::default();
        let one = Uuid::from_u128(1);
        assert!(!roster.has_any());
        assert!(roster.note(one));
        tokio::time::advance(PRESENT / 2).await;
        assert!(!roster.note(one) && roster.has_any());
        tokio::time::advance(PRESENT).await;
        assert!(!roster.has_any() && roster.note(one));
    }
}
