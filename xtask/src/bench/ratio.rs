//! Comparing two things on a machine that is never quiet: by rounds in turn, so that what disturbs one disturbs both.

use super::report::Figure;
use crate::process;
use serde::Serialize;

/// How two things compare.
#[derive(Serialize)]
pub(super) struct Ratio {
    /// The median over the rounds of first / second.
    pub(super) median: f64,
    /// The lowest and the highest round: how much to trust the median.
    pub(super) lowest: f64,
    pub(super) highest: f64,
    /// What was measured of the first and the second, by round.
    pub(super) rounds: Vec<(f64, f64)>,
}

/// Measures both in each round, the second first in every other one (first, second; second, first; …).
pub(super) fn interleaved(
    rounds: u32,
    mut first: impl FnMut() -> anyhow::Result<f64>,
    mut second: impl FnMut() -> anyhow::Result<f64>,
) -> anyhow::Result<Ratio> {
    let mut measured = Vec::new();
    for round in 0..rounds.max(1) {
        anyhow::ensure!(!process::interrupted(), "interrupted");
        measured.push(if round % 2 == 0 {
            let first = first()?;
            (first, second()?)
        } else {
            let second = second()?;
            (first()?, second)
        });
    }
    Ok(Ratio::of(measured))
}

impl Ratio {
    /// The median as a figure that says how far the rounds lie apart: on a busy machine too far to be quoted.
    pub(super) fn figure(&self, name: &str) -> anyhow::Result<Figure> {
        let Ratio { median, lowest, highest, .. } = self;
        let name = format!("{name} (rounds from {lowest:.2} to {highest:.2})");
        Ok(Figure::new(name, *median, "x").detail(serde_json::to_value(self)?))
    }

    /// Of what was measured by round.
    pub(super) fn of(rounds: Vec<(f64, f64)>) -> Ratio {
        let mut ratios: Vec<f64> = rounds.iter().map(|(first, second)| first / second).collect();
        ratios.sort_by(f64::total_cmp);
        let last = ratios.len() - 1;
        let median = f64::midpoint(ratios[last / 2], ratios[last.div_ceil(2)]);
        Ratio { median, lowest: ratios[0], highest: ratios[last], rounds }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn the_order_alternates_and_the_median_is_of_the_rounds() {
        let order = RefCell::new(String::new());
        let ratio = interleaved(
            3,
            || {
                order.borrow_mut().push('a');
                Ok(f64::from(u32::try_from(order.borrow().len()).unwrap()))
            },
            || {
                order.borrow_mut().push('b');
                Ok(1.0)
            },
        );
        let ratio = ratio.unwrap();
        assert_eq!(order.into_inner(), "abbaab");
        assert_eq!((ratio.lowest, ratio.median, ratio.highest), (1.0, 4.0, 5.0));
    }

    #[test]
    fn an_even_number_of_rounds_has_its_median_between_the_middle_two() {
        assert_eq!(Ratio::of(vec![(1.0, 1.0), (4.0, 1.0), (2.0, 1.0), (9.0, 1.0)]).median, 3.0);
    }
}
