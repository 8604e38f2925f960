//! What a random history is made of.

use proptest::collection::vec;
use proptest::prelude::*;

/// One thing that happens. Numbers choose among what exists, modulo how much there is.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Place {
        symbol: u8,
        buy: bool,
        kind: u8,
        lots: u32,
        offset: i32,
        day: bool,
        reduce: bool,
        strategy: u8,
        name: u8,
    },
    Replace {
        order: u16,
        lots: Option<u32>,
        offset: Option<i32>,
        name: u8,
    },
    Cancel {
        order: u16,
    },
    CancelAll {
        symbol: Option<u8>,
    },
    Close {
        symbol: u8,
        name: u8,
    },
    Route {
        order: u16,
    },
    Expire {
        order: u16,
        due: bool,
    },
    Acknowledge {
        order: u16,
        name: u8,
    },
    Fill {
        order: u16,
        lots: u32,
        offset: i32,
        fee: i32,
        name: Option<u8>,
        foreign_fee: bool,
    },
    Canceled {
        order: u16,
        text: bool,
    },
    Expired {
        order: u16,
    },
    Rejected {
        order: u16,
    },
    CancelRejected {
        order: u16,
    },
    Replaced {
        order: u16,
        name: u8,
    },
    ReplaceRejected {
        order: u16,
    },
    NoAnswer {
        order: u16,
    },
    NotFound {
        order: u16,
        settling: u8,
    },
    /// A report about an order that never was.
    Stranger,
    EnforceDailyLoss,
    Halt {
        reduce_only: bool,
        cancel: bool,
    },
    Resume,
    Limits {
        which: u8,
    },
    Cash {
        amount: i32,
        foreign: bool,
    },
    Reset,
    Price {
        symbol: u8,
        offset: i32,
        missing: bool,
    },
    /// Seconds; below zero for a feed whose clock goes back.
    Time {
        seconds: i32,
    },
}

/// Up to 120 steps, most of them about orders.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..120)
}

fn step() -> impl Strategy<Value = Step> {
    let offset = || -40_i32..40;
    let place = (any::<u8>(), any::<bool>(), any::<u8>(), 1_u32..80, offset(), any::<bool>(), any::<u8>(), any::<u8>());
    prop_oneof![
        12 => (place, any::<u8>()).prop_map(|((symbol, buy, kind, lots, offset, day, reduce, strategy), name)| {
            Step::Place { symbol, buy, kind, lots, offset, day, reduce: reduce % 8 == 0, strategy, name }
        }),
        3 => (any::<u16>(), proptest::option::of(0_u32..120), proptest::option::of(offset()), any::<u8>())
            .prop_map(|(order, lots, offset, name)| Step::Replace { order, lots, offset, name }),
        3 => any::<u16>().prop_map(|order| Step::Cancel { order }),
        1 => proptest::option::of(any::<u8>()).prop_map(|symbol| Step::CancelAll { symbol }),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(symbol, name)| Step::Close { symbol, name }),
        10 => any::<u16>().prop_map(|order| Step::Route { order }),
        1 => (any::<u16>(), any::<bool>()).prop_map(|(order, due)| Step::Expire { order, due }),
        6 => (any::<u16>(), any::<u8>()).prop_map(|(order, name)| Step::Acknowledge { order, name }),
        14 => (any::<u16>(), 0_u32..60, offset(), -3_i32..20, proptest::option::of(any::<u8>()), any::<u8>()).prop_map(
            |(order, lots, offset, fee, name, foreign)| {
                Step::Fill { order, lots, offset, fee, name, foreign_fee: foreign % 8 == 0 }
            }
        ),
        3 => (any::<u16>(), any::<bool>()).prop_map(|(order, text)| Step::Canceled { order, text }),
        1 => any::<u16>().prop_map(|order| Step::Expired { order }),
        1 => any::<u16>().prop_map(|order| Step::Rejected { order }),
        1 => any::<u16>().prop_map(|order| Step::CancelRejected { order }),
        3 => (any::<u16>(), any::<u8>()).prop_map(|(order, name)| Step::Replaced { order, name }),
        2 => any::<u16>().prop_map(|order| Step::ReplaceRejected { order }),
        4 => any::<u16>().prop_map(|order| Step::NoAnswer { order }),
        5 => (any::<u16>(), any::<u8>()).prop_map(|(order, settling)| Step::NotFound { order, settling }),
        1 => Just(Step::Stranger),
        1 => Just(Step::EnforceDailyLoss),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(reduce_only, cancel)| Step::Halt { reduce_only, cancel }),
        2 => Just(Step::Resume),
        1 => any::<u8>().prop_map(|which| Step::Limits { which }),
        1 => (-20_000_i32..20_000, any::<bool>()).prop_map(|(amount, foreign)| Step::Cash { amount, foreign }),
        1 => Just(Step::Reset),
        3 => (any::<u8>(), offset(), any::<u8>()).prop_map(|(symbol, offset, missing)| {
            Step::Price { symbol, offset, missing: missing % 16 == 0 }
        }),
        2 => prop_oneof![8 => 0_i32..40, 1 => -40_i32..0, 1 => 20_000_i32..90_000].prop_map(|seconds| Step::Time { seconds }),
    ]
}
