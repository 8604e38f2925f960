//! [`ReplayClock`]: the time of a replay, and how it paces its events.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use velox_kernel::{Clock, Decimal, Timestamp};

/// How far behind the wall clock an event may be and still be given. A machine that slept is further behind.
const STALLED: Duration = Duration::from_secs(10);
/// The longest sleep at a stretch: a wall clock that was set meanwhile is noticed after it.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// How much faster than the recording a replay runs, exact to a thousandth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed {
    thousandths: u32,
}

/// A number that is no speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a number from 0.001 to 10000 with at most three decimals")]
pub struct InvalidSpeed;

impl Speed {
    /// As it was recorded.
    pub const REAL: Self = Self { thousandths: 1_000 };

    /// The wall time that a stretch of the recording takes.
    #[must_use]
    pub fn wall(self, recorded: Duration) -> Duration {
        scale(recorded, 1_000, self.thousandths)
    }

    /// The stretch of the recording that plays in some wall time.
    #[must_use]
    pub fn recorded(self, wall: Duration) -> Duration {
        scale(wall, self.thousandths, 1_000)
    }
}

fn scale(duration: Duration, factor: u32, divisor: u32) -> Duration {
    let micros = duration.as_micros() * u128::from(factor) / u128::from(divisor);
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

impl FromStr for Speed {
    type Err = InvalidSpeed;

    fn from_str(text: &str) -> Result<Self, InvalidSpeed> {
        let units = text.parse::<Decimal>().map_err(|_| InvalidSpeed)?.units();
        let thousandth = Decimal::ONE.units() / 1_000;
        let thousandths = u32::try_from(units / thousandth).map_err(|_| InvalidSpeed)?;
        if units % thousandth != 0 || !(1..=10_000_000).contains(&thousandths) {
            return Err(InvalidSpeed);
        }
        Ok(Self { thousandths })
    }
}

/// The feed's time: it starts at the wall's and runs at the replay's speed. At [`Speed::REAL`] it is wall time.
pub struct ReplayClock {
    wall: Arc<dyn Clock>,
    speed: Speed,
    /// When it was started, by the wall.
    started: Timestamp,
    /// What it showed then.
    from: Timestamp,
}

impl ReplayClock {
    /// A clock that starts now. It shows wall time, or `not_before` when that is later: a replay that ran faster than
    /// the wall before a restart does not go back.
    #[must_use]
    pub fn start(wall: Arc<dyn Clock>, speed: Speed, not_before: Option<Timestamp>) -> Arc<Self> {
        let started = wall.now();
        let from = not_before.map_or(started, |not_before| started.max(not_before));
        Arc::new(Self { wall, speed, started, from })
    }

    /// How fast it runs.
    #[must_use]
    pub const fn speed(&self) -> Speed {
        self.speed
    }

    /// Waits until the clock shows `at`. Says whether that was so long ago that the replay must have stalled.
    pub(crate) async fn wait_until(&self, at: Timestamp) -> Due {
        let due = self.started.plus(self.speed.wall(at.since(self.from)));
        loop {
            let now = self.wall.now();
            let wait = due.since(now);
            if wait.is_zero() {
                return if now.since(due) > STALLED { Due::LongAgo } else { Due::Now };
            }
            tokio::time::sleep(wait.min(LONGEST_SLEEP)).await;
        }
    }
}

/// When something was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Just now.
    Now,
    /// So long ago that it should not be played any more.
    LongAgo,
}

impl Clock for ReplayClock {
    fn now(&self) -> Timestamp {
        self.from.plus(self.speed.recorded(self.wall.now().since(self.started)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use velox_testkit::TestClock;

    #[test]
    fn speeds_are_exact_and_bounded() {
        let speed = |text: &str| text.parse::<Speed>();
        assert_eq!(speed("1"), Ok(Speed::REAL));
        assert_eq!(speed("2.5").unwrap().wall(Duration::from_secs(60)), Duration::from_secs(24));
        assert_eq!(speed("0.5").unwrap().recorded(Duration::from_secs(60)), Duration::from_secs(30));
        for wrong in ["0", "-1", "0.0001", "10001", "fast", ""] {
            assert_eq!(speed(wrong), Err(InvalidSpeed), "{wrong}");
        }
    }

    #[test]
    fn the_clock_runs_at_its_speed_and_never_starts_in_its_past() {
        let wall = Arc::new(TestClock::default());
        let start = wall.now();
        let fast = ReplayClock::start(wall.clone(), "10".parse().unwrap(), None);
        wall.advance(Duration::from_secs(6));
        assert_eq!(fast.now(), start.plus(Duration::from_secs(60)));
        let again = ReplayClock::start(wall.clone(), Speed::REAL, Some(fast.now()));
        assert_eq!(again.now(), fast.now());
        let late = ReplayClock::start(wall.clone(), Speed::REAL, Some(start));
        assert_eq!(late.now(), wall.now());
    }
}
