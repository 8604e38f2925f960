//! Any sequence of commands and reports, sensible or not, against a simple model that knows none of the code.

mod check;
mod laws;
mod step;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use check::Model;
use step::steps;

fn config() -> ProptestConfig {
    let full = std::env::var("VELOX_TEST_TIER").is_ok_and(|tier| tier == "full");
    ProptestConfig { cases: if full { 10_000 } else { 600 }, max_shrink_iters: 20_000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_history_keeps_the_invariants(steps in steps()) {
        let mut model = Model::begin();
        for step in &steps {
            model.take(step);
        }
        model.check_whole_history();
    }
}

/// The histories are worth their time only if everything that can happen does happen in them.
#[test]
fn the_histories_reach_every_fact_and_every_status() {
    let (mut facts, mut statuses) = (BTreeSet::new(), BTreeSet::new());
    let mut runner = TestRunner::deterministic();
    for _ in 0..150 {
        let mut model = Model::begin();
        for step in &steps().new_tree(&mut runner).unwrap().current() {
            model.take(step);
        }
        model.add_kinds(&mut facts, &mut statuses);
    }
    assert_eq!(facts.len(), 21, "of {facts:?}");
    assert_eq!(statuses.len(), velox_trading::OrderStatus::ALL.len(), "of {statuses:?}");
}
