//! [`SystemClock`] and [`SystemIds`]: the machine's time and ids.

use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;
use velox_kernel::{Clock, Ids, Timestamp};

/// The machine's wall clock, in UTC.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is given")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        // A clock set before 1970 is held there.
        since.map_or(Timestamp::EPOCH, |since| {
            Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
        })
    }
}

/// UUIDs of version 7 (RFC 9562 §5.7) that only ever increase within this process, even when the clock goes back.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn next(&self) -> Uuid {
        #[expect(clippy::disallowed_methods, reason = "this is where everybody else gets their ids from")]
        Uuid::now_v7()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_increase_and_carry_the_clocks_time() {
        let before = SystemClock.now();
        let ids: Vec<Uuid> = (0..10_000).map(|_| SystemIds.next()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        let (seconds, _) = ids[0].get_timestamp().map_or((0, 0), |time| time.to_unix());
        assert!(i64::try_from(seconds).is_ok_and(|seconds| (seconds - before.seconds()).abs() <= 5));
    }
}
