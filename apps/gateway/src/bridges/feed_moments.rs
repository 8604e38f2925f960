//! [`FeedMoments`]: wall time, and market time carried on from the newest event of the feed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use velox_feed_replay::Speed;
use velox_kernel::{Clock, Timestamp};
use velox_trading::{Moment, Moments};

/// The clocks that decisions see.
///
/// Market time is the newest event's own time and what went by since it arrived, at the feed's speed; it never goes
/// back, and is wall time until the feed says something. A mute feed's time goes on, so that its prices grow old.
pub struct FeedMoments {
    wall: Arc<dyn Clock>,
    speed: Speed,
    price_bound: Duration,
    newest: RwLock<Option<Heard>>,
    /// The latest market time that was shown, in microseconds.
    shown: AtomicI64,
}

#[derive(Clone, Copy)]
struct Heard {
    at: Timestamp,
    arrived: Timestamp,
}

impl FeedMoments {
    /// Clocks over a feed of this speed; a price may be `price_bound` old.
    #[must_use]
    pub fn new(wall: Arc<dyn Clock>, speed: Speed, price_bound: Duration) -> Self {
        Self { wall, speed, price_bound, newest: RwLock::new(None), shown: AtomicI64::new(i64::MIN) }
    }

    /// Tells that the feed gave an event of this time. One from before the newest says nothing about the time.
    pub fn hear(&self, at: Timestamp) {
        let heard = Heard { at, arrived: self.wall.now() };
        let mut newest = self.newest.write();
        if newest.is_none_or(|newest| at >= newest.at) {
            *newest = Some(heard);
        }
    }

    /// Now, by the feed.
    #[must_use]
    pub fn market_time(&self) -> Timestamp {
        self.market_time_at(self.wall.now())
    }

    fn market_time_at(&self, wall: Timestamp) -> Timestamp {
        let newest = *self.newest.read();
        let carried_on =
            newest.map_or(wall, |heard| heard.at.plus(self.speed.recorded(wall.since(heard.arrived)))).micros();
        let before = self.shown.fetch_max(carried_on, Ordering::Relaxed);
        Timestamp::from_micros(carried_on.max(before))
    }
}

impl Moments for FeedMoments {
    fn now(&self) -> Moment {
        let wall_time = self.wall.now();
        Moment { market_time: self.market_time_at(wall_time), wall_time, price_bound: self.price_bound }
    }
}

/// The feed's time as a clock, for [`velox_market::Market`]: quotes and orders then agree on what is stale.
impl Clock for FeedMoments {
    fn now(&self) -> Timestamp {
        self.market_time()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use velox_testkit::TestClock;

    use super::*;

    fn clocks(speed: &str) -> (Arc<TestClock>, FeedMoments) {
        let wall = Arc::new(TestClock::default());
        let moments = FeedMoments::new(wall.clone(), speed.parse().unwrap(), Duration::from_secs(10));
        (wall, moments)
    }

    #[test]
    fn is_wall_time_until_the_feed_speaks() {
        let (wall, moments) = clocks("1");
        let moment = Moments::now(&moments);
        assert_eq!((moment.market_time, moment.wall_time), (wall.now(), wall.now()));
        assert_eq!(moment.price_bound, Duration::from_secs(10));
    }

    #[test]
    fn goes_on_at_the_feeds_speed() {
        let (wall, moments) = clocks("60");
        let start = wall.now().plus(Duration::from_secs(3_600));
        moments.hear(start);
        assert_eq!(moments.market_time(), start);
        wall.advance(Duration::from_secs(2));
        assert_eq!(moments.market_time(), start.plus(Duration::from_secs(120)));
    }

    #[test]
    fn never_goes_back() {
        let (wall, moments) = clocks("1");
        let start = wall.now();
        moments.hear(start);
        wall.advance(Duration::from_secs(5));
        let shown = moments.market_time();
        moments.hear(start.plus(Duration::from_secs(3)));
        assert_eq!(moments.market_time(), shown, "an event behind what was shown lets time stand still");
        moments.hear(start.plus(Duration::from_secs(1)));
        wall.advance(Duration::from_secs(4));
        assert_eq!(moments.market_time(), start.plus(Duration::from_secs(7)), "a late event is no anchor");
        wall.set(start);
        assert_eq!(moments.market_time(), start.plus(Duration::from_secs(7)), "a wall clock set back");
    }
}
