//! What must hold whatever comes.

use std::collections::HashMap;

use proptest::prelude::*;
use velox_broker_paper::{LimitFill, PaperBook, PaperConfig, Tick, TickPrices};
use velox_kernel::{Decimal, OrderId, Price, Quantity, Rounding};
use velox_trading::{FillReport, Order, OrderKind, Report, ReportKind, Side, TimeInForce};

use crate::support::*;

#[derive(Clone, Debug)]
enum Step {
    Place { side: Side, kind: u8, at: u8, limit: u8, amount: u8, time_in_force: TimeInForce, lives: u8 },
    Cancel { which: u8 },
    Replace { which: u8, at: u8, amount: u8 },
    Trade { at: u8, amount: u8 },
    Quote { bid: u8, spread: u8, sizes: (u8, u8) },
    Bar { open: u8, up: u8, down: u8, close: u8, volume: u8 },
}

/// Prices from 90 to 109.5 in ticks of a half.
fn price_at(step: u8) -> Price {
    Price::new("0.5".parse::<Decimal>().unwrap())
        .scaled(Decimal::from_int(180 + i32::from(step)), Rounding::Down)
        .unwrap()
}

fn lots(number: u8) -> Quantity {
    quantity("0.1").scaled(Decimal::from_int(i32::from(number)), Rounding::Down).unwrap()
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn time_in_force() -> impl Strategy<Value = TimeInForce> {
    prop_oneof![
        6 => Just(TimeInForce::Gtc),
        2 => Just(TimeInForce::Day),
        1 => Just(TimeInForce::Ioc),
        1 => Just(TimeInForce::Fok),
    ]
}

fn place() -> impl Strategy<Value = Step> {
    (side(), 0..4_u8, 0..40_u8, 0..40_u8, 1..40_u8, time_in_force(), 0..30_u8).prop_map(
        |(side, kind, at, limit, amount, time_in_force, lives)| Step::Place {
            side,
            kind,
            at,
            limit,
            amount,
            time_in_force,
            lives,
        },
    )
}

fn trade_step() -> impl Strategy<Value = Step> {
    (0..40_u8, 0..50_u8).prop_map(|(at, amount)| Step::Trade { at, amount })
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => place(),
        1 => (0..30_u8).prop_map(|which| Step::Cancel { which }),
        1 => (0..30_u8, 0..40_u8, 1..40_u8).prop_map(|(which, at, amount)| Step::Replace { which, at, amount }),
        3 => trade_step(),
        3 => (0..39_u8, 0..3_u8, (0..50_u8, 0..50_u8))
            .prop_map(|(bid, spread, sizes)| Step::Quote { bid, spread, sizes }),
        1 => (5..35_u8, 0..5_u8, 0..5_u8, 5..35_u8, 0..50_u8)
            .prop_map(|(open, up, down, close, volume)| Step::Bar { open, up, down, close, volume }),
    ]
}

fn config() -> impl Strategy<Value = PaperConfig> {
    (0..3_u8, 0..3_i32, 0..4_u64, any::<bool>()).prop_map(|(part, slippage, latency, through)| PaperConfig {
        participation: ["1", "0.5", "0.33"][usize::from(part)].parse().unwrap(),
        slippage_bps: Decimal::from_int(slippage * 25),
        latency: std::time::Duration::from_secs(latency),
        limit_fill: if through { LimitFill::Through } else { LimitFill::Touch },
        maker_fee_bps: Decimal::ONE,
        taker_fee_bps: Decimal::from_int(3),
        ..PaperConfig::default()
    })
}

/// A run of a book, with the orders as they were handed over and the market data as it was told.
struct Run {
    book: PaperBook,
    orders: Vec<Order>,
    /// By offset.
    ticks: HashMap<u64, Tick>,
    reports: Vec<Report>,
    second: u64,
}

impl Run {
    fn new(config: PaperConfig) -> Self {
        Self { book: book_with(config), orders: vec![], ticks: HashMap::new(), reports: vec![], second: 0 }
    }

    fn now(&self) -> velox_kernel::Timestamp {
        time(i64::try_from(self.second).unwrap())
    }

    fn tick(&mut self, tick: Tick) {
        self.ticks.insert(tick.position.offset, tick);
        let said = self.book.on_tick(&tick);
        self.reports.extend(said);
    }

    fn order(&self, step: &Step) -> Option<Order> {
        let Step::Place { side, kind, at, limit, amount, time_in_force, lives } = *step else { return None };
        let kind = match kind {
            0 => OrderKind::Market,
            1 => OrderKind::Limit { limit_price: price_at(limit) },
            2 => OrderKind::Stop { stop_price: price_at(at) },
            _ => OrderKind::StopLimit { stop_price: price_at(at), limit_price: price_at(limit) },
        };
        let number = u64::try_from(self.orders.len() + 1).unwrap();
        let mut new = with(time_in_force, order(number, side, kind, &lots(amount).to_string()));
        new.placed_at = self.now();
        new.updated_at = self.now();
        let ends = self.second + u64::from(lives);
        new.expires_at = (time_in_force == TimeInForce::Day).then(|| time(i64::try_from(ends).unwrap()));
        Some(new)
    }

    fn step(&mut self, step: &Step, doubled: bool) {
        self.second += 1;
        let (now, second) = (self.now(), self.second);
        match step {
            Step::Place { .. } => {
                let Some(order) = self.order(step) else { return };
                let said = self.book.place(&order, now);
                self.reports.extend(said);
                if doubled {
                    let again = self.book.place(&order, now);
                    assert!(fills(&again).is_empty() && again.len() == 1, "{again:?}");
                }
                self.orders.push(order);
            }
            Step::Cancel { which } => {
                let Some(order) = self.orders.get(usize::from(*which)).cloned() else { return };
                let said = self.book.cancel(&order, now);
                self.reports.extend(said);
            }
            Step::Replace { which, at, amount } => {
                let Some(old) = self.orders.get(usize::from(*which)).cloned() else { return };
                let kind = match old.terms.kind {
                    OrderKind::Limit { .. } => OrderKind::Limit { limit_price: price_at(*at) },
                    other => other,
                };
                let number = u64::try_from(self.orders.len() + 1).unwrap();
                let new = replacement(number, &old, kind, &lots(*amount).to_string());
                let said = self.book.replace(&old, &new, now);
                let replaced = said.iter().any(|report| matches!(report.kind, ReportKind::Replaced { .. }));
                if replaced {
                    let mut order = order(number, old.terms.side, kind, "1");
                    order.terms = new.terms;
                    self.orders.push(order);
                }
                self.reports.extend(said);
            }
            Step::Trade { at, amount } => {
                let tick = trade(second, &price_at(*at).to_string(), &lots(*amount).to_string());
                self.tick(tick);
            }
            Step::Quote { bid, spread, sizes } => {
                let (bid, ask) = (price_at(*bid).to_string(), price_at(bid + spread).to_string());
                let tick = quote(second, (&bid, &lots(sizes.0).to_string()), (&ask, &lots(sizes.1).to_string()));
                self.tick(tick);
            }
            Step::Bar { open, up, down, close, volume } => {
                self.second += 60;
                let (high, low) = (open.max(close) + up, open.min(close) - down);
                let [open, high, low, close] = [*open, high, low, *close].map(|at| price_at(at).to_string());
                let tick = bar(self.second, [&open, &high, &low, &close, &lots(*volume).to_string()]);
                self.tick(tick);
            }
        }
    }

    fn fills(&self) -> Vec<(OrderId, &FillReport)> {
        let fill = |report: &'_ Report| matches!(report.kind, ReportKind::Filled(_));
        self.reports
            .iter()
            .filter(|report| fill(report))
            .map(|report| (report.order, fills(std::slice::from_ref(report))[0]))
            .collect()
    }
}

fn run(config: PaperConfig, steps: &[Step], doubled: bool) -> Run {
    let mut run = Run::new(config);
    for step in steps {
        run.step(step, doubled);
    }
    run
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn fills_stay_within_quantity_volume_and_limit(
        config in config(),
        steps in prop::collection::vec(any_step(), 1..60),
    ) {
        let run = run(config, &steps, false);
        let mut by_order: HashMap<OrderId, Quantity> = HashMap::new();
        let mut by_source: HashMap<(u64, Option<Side>), Quantity> = HashMap::new();
        let mut names = std::collections::HashSet::new();
        for (id, fill) in run.fills() {
            let order = run.orders.iter().find(|order| order.id == id).unwrap();
            prop_assert!(fill.quantity.is_positive() && fill.price.is_positive());
            prop_assert!(names.insert(fill.fill), "a fill's name twice");
            if let Some(limit) = order.terms.kind.limit_price() {
                let worse = match order.terms.side { Side::Buy => fill.price > limit, Side::Sell => fill.price < limit };
                prop_assert!(!worse, "{fill:?} of {order:?}");
            }
            let source = fill.caused_by.unwrap().offset;
            let quoted = matches!(run.ticks[&source].prices, TickPrices::Quote { .. });
            let filled = by_order.entry(id).or_default();
            *filled = filled.plus(fill.quantity).unwrap();
            let sum = by_source.entry((source, quoted.then_some(order.terms.side))).or_default();
            *sum = sum.plus(fill.quantity).unwrap();
        }
        for (id, filled) in by_order {
            let order = run.orders.iter().find(|order| order.id == id).unwrap();
            prop_assert!(filled <= order.terms.quantity);
        }
        for ((source, side), taken) in by_source {
            let there = match (run.ticks[&source].prices, side) {
                (TickPrices::Trade { quantity, .. }, _) => quantity,
                (TickPrices::Bar { volume, .. }, _) => volume,
                (TickPrices::Quote { ask_size, .. }, Some(Side::Buy)) => ask_size,
                (TickPrices::Quote { bid_size, .. }, _) => bid_size,
            };
            prop_assert!(taken <= there.unwrap().scaled(config.participation, Rounding::Down).unwrap());
        }
    }

    #[test]
    fn an_order_that_ended_says_nothing_more(
        config in config(),
        steps in prop::collection::vec(any_step(), 1..60),
    ) {
        let run = run(config, &steps, false);
        for order in &run.orders {
            let mut ended = false;
            for report in run.reports.iter().filter(|report| report.order == order.id) {
                let fill = matches!(report.kind, ReportKind::Filled(_) | ReportKind::Acknowledged { .. });
                prop_assert!(!(ended && fill), "{:?}", run.reports);
                ended |= matches!(
                    report.kind,
                    ReportKind::Canceled { .. } | ReportKind::Expired | ReportKind::Rejected { .. } | ReportKind::Replaced { .. }
                );
            }
            let open = run.book.find(order.id).is_some_and(|found| found.open);
            prop_assert!(!(ended && open));
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_reports(
        config in config(),
        steps in prop::collection::vec(any_step(), 1..60),
    ) {
        prop_assert_eq!(run(config, &steps, false).reports, run(config, &steps, false).reports);
    }

    #[test]
    fn placing_twice_changes_nothing(config in config(), steps in prop::collection::vec(any_step(), 1..60)) {
        prop_assert_eq!(run(config, &steps, false).reports, run(config, &steps, true).reports);
    }

    #[test]
    fn a_rebuilt_book_goes_on_as_if_it_had_never_stopped(
        before in prop::collection::vec(prop_oneof![place(), trade_step()], 1..40),
        after in prop::collection::vec(trade_step(), 1..40),
    ) {
        let mut whole = Run::new(PaperConfig::default());
        whole.step(&Step::Trade { at: 20, amount: 10 }, false);
        for step in &before {
            whole.step(step, false);
        }
        let mut rebuilt = Run::new(PaperConfig::default());
        rebuilt.second = whole.second;
        // In any order: an order's place in time is its own.
        for order in whole.orders.iter().rev() {
            let mut known = order.clone();
            absorb(&mut known, &whole.reports);
            prop_assert_eq!(rebuilt.book.restore(&known), vec![], "the account knows it all");
        }
        prop_assert_eq!(rebuilt.book.open_orders(), whole.book.open_orders());
        whole.reports.clear();
        for step in &after {
            whole.step(step, false);
            rebuilt.step(step, false);
        }
        prop_assert_eq!(rebuilt.reports, whole.reports);
    }
}
