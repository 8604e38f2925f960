//! [`Span`]: the time that a partition of candles is for, and which ones to make.

use velox_kernel::Timestamp;

/// From one moment up to another, which is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

/// Where a moment stands in the calendar, in UTC.
fn year_and_month(at: Timestamp) -> (i32, i32) {
    // RFC 3339, always with four digits of the year.
    let text = at.to_string();
    let number = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse().ok()).unwrap_or(1);
    (number(0, 4), number(5, 7))
}

/// The first moment of a month; months beyond December are those of the next year.
fn month_start(year: i32, month: i32) -> Timestamp {
    let (year, month) = (year + (month - 1) / 12, (month - 1) % 12 + 1);
    let end_of_time = Timestamp::from_seconds(i64::MAX);
    format!("{year:04}-{month:02}-01T00:00:00Z").parse().unwrap_or(end_of_time)
}

impl Span {
    /// The month of a moment.
    pub(crate) fn month(at: Timestamp) -> Self {
        let (year, month) = year_and_month(at);
        Self { from: month_start(year, month), to: month_start(year, month + 1) }
    }

    /// The year of a moment.
    fn year(at: Timestamp) -> Self {
        let (year, _) = year_and_month(at);
        Self { from: month_start(year, 1), to: month_start(year + 1, 1) }
    }

    pub(crate) fn has(self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    fn meets(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// A name for its table: `candles_2026_03`, or `candles_2019` for a year.
    pub(crate) fn table(self) -> String {
        let (year, month) = year_and_month(self.from);
        if self == Self::month(self.from) {
            format!("candles_{year:04}_{month:02}")
        } else {
            format!("candles_{year:04}")
        }
    }
}

/// The spans to make so that each of these moments has one: months around now, whole years long ago or far ahead, because
/// every partition costs each query a little, and nobody drops old ones month by month.
pub(crate) fn missing(existing: &[Span], moments: impl IntoIterator<Item = Timestamp>, now: Timestamp) -> Vec<Span> {
    let (this_year, _) = year_and_month(now);
    let mut made: Vec<Span> = Vec::new();
    for at in moments {
        if existing.iter().chain(&made).any(|span| span.has(at)) {
            continue;
        }
        let (year, whole) = (year_and_month(at).0, Span::year(at));
        let is_near = (this_year - 1..=this_year + 1).contains(&year);
        let has_neighbours = existing.iter().chain(&made).any(|span| span.meets(whole));
        made.push(if is_near || has_neighbours { Span::month(at) } else { whole });
    }
    made
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn at(day: &str) -> Timestamp {
        format!("{day}T12:00:00Z").parse().unwrap()
    }

    fn names(existing: &[Span], days: &[&str]) -> Vec<String> {
        missing(existing, days.iter().map(|day| at(day)), at("2026-11-26")).into_iter().map(Span::table).collect()
    }

    #[test]
    fn near_are_months_and_far_are_years() {
        let wanted = [
            "2026-12-31",
            "2026-11-01",
            "2027-01-01",
            "2025-01-31",
            "2024-12-31",
            "2024-01-01",
            "1999-06-01",
            "2031-02-02",
        ];
        let made = ["candles_2026_12", "candles_2026_11", "candles_2027_01", "candles_2025_01", "candles_2024"];
        assert_eq!(names(&[], &wanted)[..5], made);
        assert_eq!(names(&[], &wanted)[5..], ["candles_1999", "candles_2031"]);
    }

    #[test]
    fn a_year_that_has_months_gets_months() {
        let march = Span::month(at("2019-03-05"));
        assert_eq!(names(&[march], &["2019-03-31", "2019-05-01", "2018-05-01"]), ["candles_2019_05", "candles_2018"]);
    }

    proptest! {
        #[test]
        fn every_moment_has_one_span(seconds in prop::collection::vec(-62_135_596_800_i64..250_000_000_000, 1..40), now in 0_i64..4_000_000_000) {
            let moments: Vec<Timestamp> = seconds.into_iter().map(Timestamp::from_seconds).collect();
            let spans = missing(&[], moments.iter().copied(), Timestamp::from_seconds(now));
            for moment in moments {
                prop_assert_eq!(spans.iter().filter(|span| span.has(moment)).count(), 1);
            }
            for (place, span) in spans.iter().enumerate() {
                prop_assert!(spans[place + 1..].iter().all(|other| !span.meets(*other)));
            }
        }
    }
}
