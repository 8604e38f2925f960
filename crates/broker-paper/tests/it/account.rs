//! The book against the account that it serves: with reports that come late, and with crashes that lose them, the
//! account takes every report, and in the end both know the same.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;
use velox_broker_paper::{PaperBook, PaperConfig};
use velox_kernel::{ConnectionId, Decimal, Digest, Money, OrderId, OrgId, Price, Quantity, Symbol, Timestamp};
use velox_trading::{
    Account, Command, Context, Fact, FillReport, InstrumentRules, MarketPrice, OpenAccount, Order, OrderKind,
    OrderStatus, PlaceOrder, Prices, Refused, ReplaceOrder, Report, ReportKind, RiskLimits, Side, TimeInForce,
};

use crate::support::*;

struct At(Timestamp);

impl Prices for At {
    fn price(&self, _symbol: Symbol) -> Option<MarketPrice> {
        Some(MarketPrice { bid: None, ask: None, last: price("100"), at: self.0 })
    }
}

#[derive(Clone, Debug)]
enum Step {
    Place { side: Side, kind: u8, at: u8, amount: u8, time_in_force: u8 },
    Cancel { which: usize },
    Replace { which: usize, at: u8, amount: u8 },
    Trade { at: u8, amount: u8 },
    Deliver { reports: usize },
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let step = prop_oneof![
        4 => (side, 0..4_u8, 0..9_u8, 1..30_u8, 0..6_u8).prop_map(
            |(side, kind, at, amount, time_in_force)| Step::Place { side, kind, at, amount, time_in_force }
        ),
        2 => (0..8_usize).prop_map(|which| Step::Cancel { which }),
        2 => (0..8_usize, 0..9_u8, 1..30_u8).prop_map(|(which, at, amount)| Step::Replace { which, at, amount }),
        4 => (0..9_u8, 0..30_u8).prop_map(|(at, amount)| Step::Trade { at, amount }),
        4 => (1..6_usize).prop_map(|reports| Step::Deliver { reports }),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 1..80)
}

struct World {
    account: Account,
    book: PaperBook,
    reports: VecDeque<Report>,
    closed: HashMap<OrderId, Order>,
    fills: HashSet<velox_kernel::FillId>,
    second: u64,
    epoch: u64,
    orders: u64,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            account: Account::unopened(account(1)),
            book: book(),
            reports: VecDeque::new(),
            closed: HashMap::new(),
            fills: HashSet::new(),
            second: 0,
            epoch: 1,
            orders: 0,
        };
        let open = OpenAccount {
            account: account(1),
            org: OrgId::new(Uuid::from_u128(1)),
            connection: ConnectionId::new(Uuid::from_u128(1)),
            name: "paper".to_owned(),
            paper: true,
            currency: "USD".parse().unwrap(),
            cash: Money::new(Decimal::from_int(1_000_000)),
            leverage: Decimal::from_int(10),
            allow_short: true,
            limits: RiskLimits::default(),
        };
        world.handle(&Command::Open(open)).unwrap();
        world
    }

    fn now(&self) -> Timestamp {
        time(i64::try_from(self.second).unwrap())
    }

    fn rules() -> InstrumentRules {
        InstrumentRules {
            symbol: symbol(),
            currency: "USD".parse().unwrap(),
            tick: price("0.5"),
            lot: quantity("0.1"),
            min_quantity: quantity("0.1"),
            min_notional: Money::ZERO,
        }
    }

    /// Decides and applies a command.
    fn handle(&mut self, command: &Command) -> Result<Vec<Fact>, Refused> {
        let now = self.now();
        let context = Context {
            market_time: now,
            wall_time: now,
            prices: &At(now),
            price_bound: Duration::from_mins(1),
            closed_order: command.order().and_then(|order| self.closed.get(&order)),
            known_fill: command.fill().is_some_and(|fill| self.fills.contains(&fill)),
        };
        let events = self.account.handle(command, &context)?;
        for event in &events {
            let before: Vec<Order> = self.account.open_orders().cloned().collect();
            self.account.apply(event).unwrap();
            if let Fact::OrderFilled(fill) = &event.fact {
                assert!(self.fills.insert(fill.id), "applied twice");
            }
            for mut order in before {
                if self.account.open_order(order.id).is_none() {
                    order.status = OrderStatus::Canceled;
                    self.closed.insert(order.id, order);
                }
            }
        }
        Ok(events.into_iter().map(|event| event.fact).collect())
    }

    fn step(&mut self, step: &Step) {
        self.second += 1;
        match *step {
            Step::Place { side, kind, at, amount, time_in_force } => self.place(side, kind, at, amount, time_in_force),
            Step::Cancel { which } => {
                let Some(order) = self.account.open_orders().nth(which).cloned() else { return };
                let facts = self.handle(&Command::Cancel { order: order.id }).unwrap();
                if let [Fact::OrderCancelRequested { .. }] = facts.as_slice() {
                    self.send_cancel(order.id);
                }
            }
            Step::Replace { which, at, amount } => self.replace(which, at, amount),
            Step::Trade { at, amount } => {
                let tick = trade(self.second, &step_price(at).to_string(), &step_quantity(amount).to_string());
                let said = self.book.on_tick(&in_epoch(self.epoch, tick));
                self.reports.extend(said);
            }
            Step::Deliver { reports } => self.deliver(reports),
            Step::Crash => self.crash(),
        }
    }

    fn place(&mut self, side: Side, kind: u8, at: u8, amount: u8, time_in_force: u8) {
        self.orders += 1;
        let (here, further) = (step_price(at), step_price(at + 2));
        let kind = match kind {
            0 => OrderKind::Market,
            1 => OrderKind::Limit { limit_price: here },
            2 => OrderKind::Stop { stop_price: here },
            _ => OrderKind::StopLimit { stop_price: here, limit_price: further },
        };
        let time_in_force = match time_in_force {
            0 if kind.stop_price().is_none() => TimeInForce::Ioc,
            1 if kind.stop_price().is_none() => TimeInForce::Fok,
            2 => TimeInForce::Day,
            _ => TimeInForce::Gtc,
        };
        let new = with(time_in_force, order(self.orders, side, kind, &step_quantity(amount).to_string()));
        let (order, client_order_id) = (new.id, new.client_order_id);
        let place = PlaceOrder {
            order,
            client_order_id,
            fingerprint: Digest::new([1; 32]),
            terms: new.terms,
            rules: Self::rules(),
        };
        self.handle(&Command::Place(place)).unwrap();
        if self.account.open_order(order).is_some() {
            self.handle(&Command::Route { order }).unwrap();
            let routed = self.account.open_order(order).unwrap().clone();
            let said = self.book.place(&routed, self.now());
            self.reports.extend(said);
        }
    }

    fn replace(&mut self, which: usize, at: u8, amount: u8) {
        let Some(old) = self.account.open_orders().nth(which).cloned() else { return };
        self.orders += 1;
        let replace = ReplaceOrder {
            order: old.id,
            replacement: order_id(self.orders),
            client_order_id: format!("client-{}", self.orders).parse().unwrap(),
            fingerprint: Digest::new([2; 32]),
            quantity: Some(step_quantity(amount)),
            limit_price: old.terms.kind.limit_price().map(|_| step_price(at)),
            stop_price: None,
            time_in_force: None,
            rules: Self::rules(),
        };
        match self.handle(&Command::Replace(replace)) {
            Ok(facts) if matches!(facts.as_slice(), [Fact::OrderReplaceRequested { .. }]) => self.send_replace(old.id),
            Ok(_) | Err(Refused::ChangePending { .. } | Refused::BelowFilled) => {}
            Err(refused) => panic!("{refused:?}"),
        }
    }

    fn send_cancel(&mut self, order: OrderId) {
        let order = self.account.open_order(order).unwrap().clone();
        let said = self.book.cancel(&order, self.now());
        self.reports.extend(said);
    }

    fn send_replace(&mut self, order: OrderId) {
        let order = self.account.open_order(order).unwrap().clone();
        let said = self.book.replace(&order, order.pending.as_ref().unwrap(), self.now());
        self.reports.extend(said);
    }

    fn deliver(&mut self, most: usize) {
        for _ in 0..most {
            let Some(report) = self.reports.pop_front() else { return };
            let order = self.account.open_order(report.order).cloned();
            if let Err(refused) = self.handle(&Command::Report(report.clone())) {
                panic!("{refused:?}: {report:?} of {order:?}");
            }
        }
    }

    /// The broker dies with what it had not said, and is rebuilt from what the account knows.
    fn crash(&mut self) {
        self.reports.clear();
        self.epoch += 1;
        self.book = PaperBook::new(account(1), PaperConfig::default());
        self.book.set_instrument(symbol(), instrument());
        let open: Vec<Order> = self.account.open_orders().cloned().collect();
        for order in &open {
            let said = self.book.restore(order);
            self.reports.extend(said);
        }
        for order in open {
            match order.status {
                OrderStatus::PendingCancel => self.send_cancel(order.id),
                OrderStatus::PendingReplace => self.send_replace(order.id),
                _ => {}
            }
        }
    }
}

/// Prices from 96 to 105 in steps of one.
fn step_price(step: u8) -> Price {
    Price::new(Decimal::from_int(96 + i32::from(step)))
}

fn step_quantity(lots: u8) -> Quantity {
    quantity("0.1").scaled(Decimal::from_int(i32::from(lots)), velox_kernel::Rounding::Down).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_account_takes_every_report_and_both_end_alike(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.deliver(usize::MAX);
        let ours: Vec<(OrderId, Quantity)> = {
            let mut open: Vec<_> = world.account.open_orders().map(|order| (order.id, order.filled)).collect();
            open.sort();
            open
        };
        let theirs: Vec<_> = world.book.open_orders().iter().map(|order| (order.order, order.filled)).collect();
        prop_assert_eq!(ours, theirs);
        for order in world.account.open_orders() {
            prop_assert!(matches!(order.status, OrderStatus::New | OrderStatus::PartiallyFilled), "{order:?}");
        }
    }
}

#[test]
fn the_world_of_this_test_does_fill_orders() {
    let mut world = World::new();
    world.step(&Step::Trade { at: 4, amount: 20 });
    world.step(&Step::Place { side: Side::Buy, kind: 0, at: 0, amount: 20, time_in_force: 9 });
    let filled = |report: &Report| matches!(&report.kind, ReportKind::Filled(FillReport { .. }));
    assert!(world.reports.iter().any(filled));
    world.deliver(9);
    assert_eq!(world.account.position(symbol()).unwrap().quantity, quantity("2"));
}
