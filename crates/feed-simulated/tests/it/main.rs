//! The made-up market on paused time.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use velox_feed_simulated::{SimulatedFeed, SimulatedSettings};
use velox_kernel::{Clock, Timestamp};
use velox_market::{Feed, FeedCursor, FeedPosition, MarketEvent, bundled_instruments};

/// A wall clock that goes with tokio's paused time.
struct Wall(Instant);

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_767_614_400).plus(self.0.elapsed())
    }
}

fn start(wall: Arc<Wall>, seed: u64, resume: Option<FeedPosition>) -> SimulatedFeed {
    let settings = SimulatedSettings {
        name: "simulated".to_owned(),
        start: "43000".parse().unwrap(),
        widest_step: 5,
        every: Duration::from_millis(500),
        seed,
    };
    SimulatedFeed::start(bundled_instruments().remove(0), settings, wall, resume).unwrap()
}

async fn play(feed: &mut SimulatedFeed, count: usize) -> Vec<MarketEvent> {
    let mut events = Vec::new();
    while events.len() < count {
        events.push(feed.next().await.unwrap());
    }
    events
}

/// What an event tells, without when.
fn told(events: &[MarketEvent]) -> Vec<String> {
    let tell = |event: &MarketEvent| match event {
        MarketEvent::Trade(trade) => format!("{} x {}", trade.price, trade.quantity),
        MarketEvent::Quote(quote) => format!("{}/{}", quote.bid, quote.ask),
        MarketEvent::Bar(bar) => bar.candle.close.to_string(),
    };
    events.iter().map(tell).collect()
}

#[tokio::test(start_paused = true)]
async fn a_seed_is_one_market() {
    let wall = Arc::new(Wall(Instant::now()));
    let one = play(&mut start(wall.clone(), 7, None), 200).await;
    let wall = Arc::new(Wall(Instant::now()));
    assert_eq!(play(&mut start(wall.clone(), 7, None), 200).await, one);
    assert_ne!(told(&play(&mut start(wall, 8, None), 200).await), told(&one));
}

#[tokio::test(start_paused = true)]
async fn steps_are_even_and_numbered_without_a_hole() {
    let wall = Arc::new(Wall(Instant::now()));
    let begin = wall.now();
    let events = play(&mut start(wall.clone(), 7, None), 100).await;
    for (number, event) in (0..).zip(&events) {
        assert_eq!(event.cursor(), FeedCursor { epoch: 1, offset: number + 1 });
        assert_eq!(event.at().since(begin), Duration::from_millis(500) * u32::try_from(number / 2).unwrap());
        assert!(event.synthetic());
    }
    assert!(wall.now().since(events[99].at()) < Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_with_the_next_step() {
    let wall = Arc::new(Wall(Instant::now()));
    let unbroken = told(&play(&mut start(wall.clone(), 7, None), 100).await);
    let wall = Arc::new(Wall(Instant::now()));
    let mut first = start(wall.clone(), 7, None);
    let mut broken = told(&play(&mut first, 40).await);
    let position = first.position();
    assert_eq!((position.index, position.epoch), (20, 1));
    let mut second = start(wall, 7, Some(position));
    let rest = play(&mut second, 60).await;
    assert_eq!(rest[0].cursor(), FeedCursor { epoch: 2, offset: 1 });
    broken.extend(told(&rest));
    assert_eq!(broken, unbroken);
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_skipped_under_a_new_epoch() {
    let wall = Arc::new(Wall(Instant::now()));
    let mut feed = start(wall.clone(), 7, None);
    play(&mut feed, 2).await;
    tokio::time::advance(Duration::from_secs(3_600)).await;
    let next = feed.next().await.unwrap();
    assert_eq!((next.at(), next.cursor()), (wall.now(), FeedCursor { epoch: 2, offset: 1 }));
}
