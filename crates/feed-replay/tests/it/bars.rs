//! Bars on the wall.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use velox_feed_replay::{BarReplay, BarReplaySettings, Recording, ReplayClock, Speed, bundled_recording};
use velox_kernel::{Clock, Timeframe, Timestamp};
use velox_market::csv::BarRow;
use velox_market::{
    Candle, CandleOrder, CandleQuery, Feed, FeedCursor, FeedError, FeedPosition, HotMarket, HotSettings, Instrument,
    MarketEvent, bundled_instruments,
};

use crate::wall::{Wall, noon};

fn perp() -> Instrument {
    bundled_instruments().remove(0)
}

/// Three minutes, the second of which is missing its follower: 0, 1 and 3.
fn three_bars() -> Arc<Recording> {
    let row = |minute: i64, open: i32| {
        let price = |number: i32| number.to_string().parse().unwrap();
        BarRow {
            at: Timestamp::from_seconds(1_640_995_200 + minute * 60),
            open: price(open),
            high: price(open + 20),
            low: price(open - 10),
            close: price(open + 5),
            volume: "1000000".parse().unwrap(),
        }
    };
    Arc::new(Recording::new(Timeframe::M1, vec![row(0, 100), row(1, 200), row(3, 300)]).unwrap())
}

fn settings(first_index: u64) -> BarReplaySettings {
    BarReplaySettings { first_index: Some(first_index), ..BarReplaySettings::default() }
}

fn start(recording: Arc<Recording>, clock: Arc<ReplayClock>, first_index: u64) -> BarReplay {
    BarReplay::start(recording, perp(), settings(first_index), clock, None)
}

/// The events up to the first tick at or after a moment of the feed's time, its trade included.
async fn play(replay: &mut BarReplay, until: Timestamp) -> Vec<MarketEvent> {
    let mut events = Vec::new();
    loop {
        let event = replay.next().await.unwrap();
        let over = event.at() >= until && matches!(event, MarketEvent::Trade(_));
        events.push(event);
        if over {
            return events;
        }
    }
}

fn minutes(hot: &HotMarket) -> Vec<Candle> {
    let order = CandleOrder::OldestFirst;
    let symbol = perp().symbol;
    hot.candles(&CandleQuery { symbol, timeframe: Timeframe::M1, from: None, to: None, order, limit: 1_000 })
}

fn prices(candle: &Candle) -> [String; 4] {
    [candle.open, candle.high, candle.low, candle.close].map(|price| price.to_string())
}

#[tokio::test(start_paused = true)]
async fn candles_of_the_replay_are_the_recorded_bars_from_the_first_minute_on() {
    let wall = Wall::new();
    let recording = Arc::new(bundled_recording());
    let clock = ReplayClock::start(wall.clone(), Speed::REAL, None);
    let mut replay = start(recording.clone(), clock, 5_040);
    let hot = HotMarket::new(HotSettings::default());
    hot.warm(&replay.history(60));
    hot.warm(replay.begun());
    for event in play(&mut replay, noon().plus(Duration::from_secs(300))).await {
        hot.apply(&event);
    }
    let candles = minutes(&hot);
    assert_eq!(candles.len(), 66, "sixty of history, five replayed, one open");
    for (index, candle) in (4_980..5_045).zip(&candles) {
        let bar = recording.bar(index).candle(&perp(), Timeframe::M1);
        assert_eq!(prices(candle), prices(&bar), "bar {index}");
        assert_eq!(candle.volume, bar.volume, "bar {index}");
        assert!(candle.complete && candle.synthetic && !candle.gap_before);
    }
    assert_eq!(candles[60].open_time, noon());
}

#[tokio::test(start_paused = true)]
async fn there_is_a_tick_in_every_second_of_the_wall() {
    for (speed, per_second) in [("1", 1), ("0.25", 1), ("20", 1)] {
        let wall = Wall::new();
        let clock = ReplayClock::start(wall.clone(), speed.parse().unwrap(), None);
        let mut replay = start(three_bars(), clock, 0);
        let begin = wall.now();
        let mut seconds = Vec::new();
        while wall.now().since(begin) < Duration::from_secs(3) {
            let event = replay.next().await.unwrap();
            if let MarketEvent::Trade(_) = event {
                seconds.push(wall.now().since(begin).as_secs());
            }
        }
        for second in 0..3 {
            let ticks = seconds.iter().filter(|one| **one == second).count();
            assert!(ticks >= per_second, "{ticks} in second {second} at speed {speed}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn events_come_when_they_are_due_and_in_order() {
    let wall = Wall::new();
    let clock = ReplayClock::start(wall.clone(), "10".parse().unwrap(), None);
    let mut replay = start(three_bars(), clock.clone(), 0);
    let mut previous: Option<MarketEvent> = None;
    for _ in 0..200 {
        let event = replay.next().await.unwrap();
        assert!(event.at() <= clock.now() && clock.now().since(event.at()) < Duration::from_millis(50));
        if let Some(previous) = previous {
            assert!(previous.at() <= event.at() && previous.cursor() < event.cursor());
        }
        previous = Some(event);
    }
}

/// What events tell, and of when.
fn told(events: &[MarketEvent]) -> BTreeSet<(Timestamp, String)> {
    let tell = |event: &MarketEvent| match event {
        MarketEvent::Trade(trade) => format!("trade {} of {} at {}", trade.id, trade.quantity, trade.price),
        MarketEvent::Quote(quote) => {
            format!("quote {} x {} / {} x {}", quote.bid, quote.bid_size, quote.ask, quote.ask_size)
        }
        MarketEvent::Bar(bar) => format!("bar {}", bar.candle.close),
    };
    events.iter().map(|event| (event.at(), tell(event))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_restart_within_the_minute_continues_its_path() {
    let end = noon().plus(Duration::from_secs(58));
    let mut unbroken = start(three_bars(), ReplayClock::start(Wall::new(), Speed::REAL, None), 1);
    let expected = told(&play(&mut unbroken, end).await);

    let wall = Wall::new();
    let mut first = start(three_bars(), ReplayClock::start(wall.clone(), Speed::REAL, None), 1);
    let mut events = play(&mut first, noon().plus(Duration::from_secs(45))).await;
    let position = first.position();
    assert_eq!((position.index, position.epoch), (1, 1));
    let clock = ReplayClock::start(wall, Speed::REAL, Some(position.at));
    let mut second = BarReplay::start(three_bars(), perp(), settings(0), clock, Some(position));
    assert_eq!(second.begun()[0].open, "200".parse().unwrap());
    assert!(told(second.standing()).is_subset(&told(&events)), "the last that was given before the restart");
    assert_eq!(second.standing().len(), 2);
    let rest = play(&mut second, end).await;
    assert_eq!(rest[0].cursor(), FeedCursor { epoch: 2, offset: 1 });
    events.extend(rest);
    assert_eq!(told(&events), expected);
}

#[tokio::test(start_paused = true)]
async fn a_later_restart_plays_the_saved_bar_in_the_present_minute() {
    let wall = Wall::new();
    let position =
        FeedPosition { feed: "replay".to_owned(), epoch: 41, index: 1, at: noon().minus(Duration::from_secs(86_400)) };
    let clock = ReplayClock::start(wall, Speed::REAL, Some(position.at));
    let mut replay = BarReplay::start(three_bars(), perp(), settings(0), clock, Some(position));
    let first = replay.next().await.unwrap();
    assert_eq!(first.cursor(), FeedCursor { epoch: 42, offset: 1 });
    assert!(first.at() >= noon().plus(Duration::from_secs(33)));
    assert_eq!(replay.position(), FeedPosition { feed: "replay".to_owned(), epoch: 42, index: 1, at: noon() });
}

#[tokio::test(start_paused = true)]
async fn gaps_stay_and_the_end_is_followed_by_the_beginning_under_a_new_epoch() {
    let wall = Wall::new();
    let mut replay = start(three_bars(), ReplayClock::start(wall, Speed::REAL, None), 0);
    let hot = HotMarket::new(HotSettings::default());
    hot.warm(replay.begun());
    let mut epochs = Vec::new();
    for event in play(&mut replay, noon().plus(Duration::from_secs(330))).await {
        hot.apply(&event);
        epochs.push((event.cursor().epoch, event.at()));
    }
    let opens: Vec<_> = minutes(&hot)
        .iter()
        .map(|candle| (candle.open_time.since(noon()).as_secs() / 60, candle.open.to_string(), candle.gap_before))
        .collect();
    let expected = [(0, "100", false), (1, "200", false), (3, "300", true), (4, "100", false), (5, "200", false)];
    assert_eq!(opens, expected.map(|(minute, open, gap)| (minute, open.to_owned(), gap)));
    let turned = epochs.iter().find(|(epoch, _)| *epoch == 2).unwrap();
    assert!(turned.1 >= noon().plus(Duration::from_secs(240)));
    assert_eq!((replay.position().index, replay.position().epoch), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn without_looping_it_ends_and_stays_ended() {
    let clock = ReplayClock::start(Wall::new(), "100".parse().unwrap(), None);
    let once = BarReplaySettings { loops: false, ..settings(2) };
    let mut replay = BarReplay::start(three_bars(), perp(), once, clock, None);
    let mut last = replay.next().await;
    while last.is_ok() {
        last = replay.next().await;
    }
    assert_eq!(last, Err(FeedError::Ended));
    assert_eq!(replay.next().await, Err(FeedError::Ended));
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_skipped_under_a_new_epoch_not_hurried_through() {
    let wall = Wall::new();
    let mut replay = start(three_bars(), ReplayClock::start(wall.clone(), Speed::REAL, None), 0);
    replay.next().await.unwrap();
    tokio::time::advance(Duration::from_secs(3_600)).await;
    let now = wall.now();
    let next = replay.next().await.unwrap();
    assert!(next.at() >= now);
    assert_eq!(next.cursor(), FeedCursor { epoch: 2, offset: 1 });
    assert_eq!(replay.position().index, 0, "the bar that was interrupted is played again");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_loses_no_event() {
    let mut patient = start(three_bars(), ReplayClock::start(Wall::new(), Speed::REAL, None), 0);
    let mut expected = Vec::new();
    while expected.len() < 40 {
        expected.push(patient.next().await.unwrap());
    }
    let mut hasty = start(three_bars(), ReplayClock::start(Wall::new(), Speed::REAL, None), 0);
    let mut events = Vec::new();
    while events.len() < 40 {
        if let Ok(event) = tokio::time::timeout(Duration::from_millis(7), hasty.next()).await {
            events.push(event.unwrap());
        }
    }
    assert_eq!(events, expected);
}

#[test]
fn history_is_what_lies_before_and_no_more() {
    let wall = Arc::new(velox_testkit::TestClock::default());
    let replay = start(three_bars(), ReplayClock::start(wall, Speed::REAL, None), 2);
    let history = replay.history(100);
    let told: Vec<_> =
        history.iter().map(|candle| (noon().since(candle.open_time).as_secs(), candle.gap_before)).collect();
    assert_eq!(told, [(180, false), (120, false)]);
    assert!(history.iter().all(|candle| candle.synthetic && candle.complete));
    assert_eq!(replay.history(1), history[1..]);
}
