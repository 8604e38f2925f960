//! Recorded trades and quotes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use velox_feed_replay::{ReplayClock, Speed, TickRecording, TickReplay, read_quotes, read_trades};
use velox_kernel::Clock;
use velox_market::{Feed, FeedCursor, FeedError, MarketEvent};

use crate::wall::Wall;

fn recording() -> Arc<TickRecording> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data");
    let trades = read_trades(&data.join("btcusdt-trades.csv")).unwrap();
    let quotes = read_quotes(&data.join("btcusdt-quotes.csv")).unwrap();
    assert_eq!((trades.len(), quotes.len()), (200, 60));
    Arc::new(TickRecording::new(trades, quotes).unwrap())
}

fn start(clock: Arc<ReplayClock>, loops: bool, resume: Option<velox_market::FeedPosition>) -> TickReplay {
    TickReplay::start(recording(), "BTCUSDT".parse().unwrap(), "ticks".to_owned(), loops, clock, resume)
}

#[tokio::test(start_paused = true)]
async fn every_record_comes_at_its_own_spacing() {
    let wall = Wall::new();
    let begin = wall.now();
    let mut replay = start(ReplayClock::start(wall.clone(), Speed::REAL, None), false, None);
    let mut events = Vec::new();
    while let Ok(event) = replay.next().await {
        assert!(wall.now().since(event.at()) < Duration::from_millis(50));
        events.push(event);
    }
    assert_eq!(events.len(), 260);
    assert_eq!(events[0].at(), begin);
    // The trade is recorded 278 ms into its second, the last quote 7.325 s into the same minute.
    assert_eq!(events[259].at().since(begin), Duration::from_millis(7_047));
    assert!(events.windows(2).all(|pair| pair[0].at() <= pair[1].at() && pair[0].cursor() < pair[1].cursor()));
    assert!(events.iter().all(MarketEvent::synthetic));
    assert_eq!(replay.next().await, Err(FeedError::Ended));
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_with_the_next_record_and_a_loop_begins_an_epoch() {
    let wall = Wall::new();
    let mut first = start(ReplayClock::start(wall.clone(), Speed::REAL, None), true, None);
    for _ in 0..255 {
        first.next().await.unwrap();
    }
    let position = first.position();
    assert_eq!(position.index, 255);
    let clock = ReplayClock::start(wall, Speed::REAL, Some(position.at));
    let mut second = start(clock, true, Some(position));
    let mut cursors = Vec::new();
    for _ in 0..6 {
        cursors.push(second.next().await.unwrap().cursor());
    }
    assert_eq!(cursors[0], FeedCursor { epoch: 2, offset: 1 });
    assert_eq!(cursors[5], FeedCursor { epoch: 3, offset: 1 });
    assert_eq!(second.position().index, 1);
}
