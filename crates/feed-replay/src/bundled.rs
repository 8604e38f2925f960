//! The recording that travels in the binary: a week of BTC-PERP minutes.

use std::io::{BufRead, BufReader};

use flate2::read::GzDecoder;
use velox_kernel::{Timeframe, Timestamp};

use crate::recording::{CompactBar, Recording};

/// See `data/README.md`.
const FILE: &[u8] = include_bytes!("../../../data/btc-perp-1m.csv.gz");
/// How many bars it holds.
const BARS: usize = 10_080;

/// A week of `BTC-PERP` minutes: 10,080 bars from 2022-01-14T00:00:00Z, 240 KB in memory.
///
/// It is unpacked line by line in a few milliseconds, by a reader that takes whole prices and evenly spaced minutes
/// for granted; the tests compare it with the one for any CSV.
#[must_use]
#[expect(clippy::expect_used, reason = "the file is compiled in, and the tests read it")]
pub fn bundled_recording() -> Recording {
    let mut lines = BufReader::with_capacity(16 * 1024, GzDecoder::new(FILE));
    let mut bars = Vec::with_capacity(BARS);
    let mut start = None;
    let mut line = String::with_capacity(128);
    while lines.read_line(&mut line).expect("the bundled file unpacks") > 0 {
        if let Some((time, bar)) = read_bar(line.trim_end()) {
            start = start.or_else(|| time.parse::<Timestamp>().ok());
            bars.push(bar);
        }
        line.clear();
    }
    Recording::compact(Timeframe::M1, start.expect("it starts with a time"), bars).expect("it holds bars")
}

/// A line's time and its numbers; `None` for the header.
fn read_bar(line: &str) -> Option<(&str, CompactBar)> {
    let mut fields = line.split(',');
    let time = fields.next()?;
    let mut prices = [0; 4];
    for price in &mut prices {
        *price = fields.next()?.parse().ok()?;
    }
    let (whole, fraction) = fields.next().map(|volume| volume.split_once('.').unwrap_or((volume, "")))?;
    let mut volume: u64 = whole.parse().ok()?;
    for place in 0..4 {
        let digit = fraction.as_bytes().get(place).map_or(0, |byte| byte - b'0');
        volume = volume * 10 + u64::from(digit);
    }
    Some((time, CompactBar { prices, volume }))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use velox_market::csv::{BarRow, CsvLines};

    #[test]
    fn the_quick_reader_reads_what_the_careful_one_does() {
        let mut text = String::new();
        GzDecoder::new(FILE).read_to_string(&mut text).unwrap();
        let mut lines = CsvLines::<BarRow>::default();
        let careful: Vec<_> = text.lines().filter_map(|line| lines.read(line).unwrap()).collect();
        let recording = bundled_recording();
        assert_eq!(careful.len(), BARS);
        assert_eq!(recording.len(), 10_080);
        for (index, row) in (0..).zip(&careful) {
            assert_eq!(recording.bar(index), *row);
        }
        assert_eq!(recording.bar(10_080), careful[0], "counting begins again");
    }

    #[test]
    fn it_is_small_enough_to_travel() {
        assert!(FILE.len() < 250_000);
        assert_eq!(size_of::<CompactBar>(), 24);
    }
}
