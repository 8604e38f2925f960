//! Faults of everything that Velox stands on, while clients trade: afterwards the books must agree, and what clients were
//! told must be true. `cargo xtask chaos` runs these campaigns for as long as one likes.
//!
//! A campaign is a file here: it brings up what it breaks, hands a [`Round`] its faults, and is done.

mod disk;
mod failover;
mod gateways;
mod kafka;
mod network;
mod postgres;
mod redis;
mod restarts;
mod round;

use std::time::{Duration, Instant};

use crate::random::seed;
use crate::waiting::say;
use round::Round;

/// A round is no longer than this: its clients are signed in once.
const LONGEST: Duration = Duration::from_secs(120);
/// How long a campaign is that takes its time. What clients did meanwhile is checked event by event, which takes as long again.
const LONG: Duration = LONGEST;

/// How soon all must be good again when a fault has ended.
const GOOD_WITHIN: Duration = Duration::from_secs(5);

/// Whether this run takes its time.
fn is_full() -> bool {
    std::env::var("VELOX_TEST_TIER").is_ok_and(|tier| tier == "full")
}

/// Runs rounds until the time of the campaign has passed, each on servers of its own: `usual`, or as long as
/// `VELOX_TEST_CHAOS_SECONDS` and `VELOX_TEST_TIER` say.
fn campaign(name: &str, usual: Duration, round: impl Fn(Round)) {
    let asked = std::env::var("VELOX_TEST_CHAOS_SECONDS").ok().and_then(|text| text.parse().ok());
    let mut left = asked.map_or(if is_full() { LONG } else { usual }, Duration::from_secs);
    let mut seed = seed();
    while left > Duration::ZERO {
        let length = left.min(LONGEST);
        say(&format!("{name}: faults for {length:?} with VELOX_TEST_SEED={seed}"));
        let began = Instant::now();
        round(Round::new(seed, length));
        say(&format!("{name}: the books agree, after {:?}", began.elapsed()));
        (left, seed) = (left - length, seed + 1);
    }
}
