//! The model and the invariants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use velox_kernel::{Currency, Decimal, Digest, FillId, Ids, Money, OrderId, Price, Quantity, StrategyId, Symbol};
use velox_testkit::CountingIds;
use velox_testkit::trading::{AccountScenario, Rows, currency, instrument, money, price, symbol, terms};
use velox_trading::{
    Account, ClosePosition, Command, Fact, Fill, FillReport, HaltMode, Liquidity, Order, OrderKind, OrderStatus,
    Projector, Refused, ReplaceOrder, Report, ReportKind, RiskLimits, Side, TimeInForce,
};

use super::laws::{agrees, may_follow};
use super::step::Step;

const SYMBOLS: [&str; 2] = ["BTC-PERP", "ETH-PERP"];

/// What happened, kept the plain way: lists and sums, no state machine.
pub(super) struct Model {
    desk: AccountScenario,
    strategies: [StrategyId; 2],
    orders: Vec<OrderId>,
    seen: BTreeMap<OrderId, Order>,
    /// Every fill that counted.
    fills: Vec<Fill>,
    /// How many of them came before the last reset.
    before_reset: usize,
    names: BTreeSet<FillId>,
    deposited: BTreeMap<Currency, Money>,
    /// The account as the log alone tells it.
    replayed: Account,
    /// How much of the log it has read.
    read: usize,
    /// The statuses that orders came to.
    statuses: BTreeSet<&'static str>,
}

/// `count` hundredths around 100.
fn near(offset: i32) -> Price {
    let cents = Decimal::from_int(10_000 + offset * 7).over(Decimal::from_int(100), velox_kernel::Rounding::Down);
    Price::new(cents.unwrap())
}

/// A thousandth a lot.
fn lots(count: u32) -> Quantity {
    let count = Decimal::from_int(i32::try_from(count).unwrap());
    Quantity::new(count.over(Decimal::from_int(1_000), velox_kernel::Rounding::Down).unwrap())
}

fn pick(index: u8) -> Symbol {
    symbol(SYMBOLS[usize::from(index) % SYMBOLS.len()])
}

impl Model {
    pub(super) fn begin() -> Self {
        let ids = Arc::new(CountingIds::default());
        let strategies = [StrategyId::new(ids.next()), StrategyId::new(ids.next())];
        let mut desk = AccountScenario::new(ids);
        for name in SYMBOLS {
            desk.set_price(symbol(name), price("100"));
        }
        let mut opening = desk.opening();
        opening.cash = money("100");
        opening.leverage = Decimal::from_int(3);
        desk.must(Command::Open(opening));
        let mut model = Self {
            replayed: Account::unopened(desk.id()),
            desk,
            strategies,
            orders: vec![],
            seen: BTreeMap::new(),
            fills: vec![],
            before_reset: 0,
            names: BTreeSet::new(),
            deposited: BTreeMap::from([(currency("USD"), money("100"))]),
            read: 0,
            statuses: BTreeSet::new(),
        };
        model.check();
        model
    }

    fn order(&self, index: u16) -> OrderId {
        match self.orders.len() {
            0 => self.desk.new_order_id(),
            // Mostly the newest ones, where things happen.
            count => {
                self.orders[count - 1 - usize::from(index) % count.min(if index.is_multiple_of(4) { count } else { 4 })]
            }
        }
    }

    /// Mostly an open order of this sort, where a report means something; sometimes any.
    fn aim(&self, index: u16, sort: impl Fn(&Order) -> bool) -> OrderId {
        let open = self.seen.values().filter(|order| order.status.is_open() && sort(order));
        let open: Vec<OrderId> = open.map(|order| order.id).collect();
        match open.len() {
            0 => self.order(index),
            _ if index.is_multiple_of(4) => self.order(index),
            count => open[usize::from(index) % count],
        }
    }

    fn client_order_id(&mut self, name: u8) -> velox_kernel::ClientOrderId {
        // One in eight is from a handful of names, so that some come again.
        if name.is_multiple_of(8) {
            format!("again-{}", name / 64).parse().unwrap()
        } else {
            self.desk.new_client_order_id()
        }
    }

    /// Lets a step happen, and checks everything.
    pub(super) fn take(&mut self, step: &Step) {
        match *step {
            Step::Price { symbol, missing: true, .. } => self.desk.prices.remove(pick(symbol)),
            Step::Price { symbol, offset, .. } => self.desk.set_price(pick(symbol), near(offset)),
            Step::Time { seconds } => {
                let by = Duration::from_secs(u64::from(seconds.unsigned_abs()));
                if seconds < 0 {
                    self.desk.market_time = self.desk.market_time.minus(by);
                } else {
                    self.desk.advance(by);
                }
            }
            _ => {
                let command = self.command(step);
                self.run(&command);
            }
        }
        self.check();
    }

    fn report(&self, order: u16, kind: ReportKind) -> Command {
        self.desk.report(self.order(order), kind)
    }

    #[expect(clippy::too_many_lines, reason = "a line or two for each kind of step")]
    fn command(&mut self, step: &Step) -> Command {
        match *step {
            Step::Place { symbol, buy, kind, lots: count, offset, day, reduce, strategy, name } => {
                let at = near(offset);
                let kind = match kind % 5 {
                    0 => OrderKind::Market,
                    1 => OrderKind::Stop { stop_price: at },
                    2 => OrderKind::StopLimit { stop_price: at, limit_price: near(offset + 1) },
                    _ => OrderKind::Limit { limit_price: at },
                };
                let side = if buy { Side::Buy } else { Side::Sell };
                let mut terms = terms(pick(symbol), side, "1", kind);
                terms.quantity = lots(count * 10);
                terms.reduce_only = reduce;
                terms.time_in_force = if day { TimeInForce::Day } else { TimeInForce::Gtc };
                terms.strategy = self.strategies.get(usize::from(strategy % 3)).copied();
                let client_order_id = self.client_order_id(name);
                let mut place = self.desk.place_command(terms);
                place.client_order_id = client_order_id;
                place.fingerprint = Digest::new([u8::try_from(count % 3).unwrap(); 32]);
                Command::Place(place)
            }
            Step::Replace { order, lots: count, offset, name } => {
                let order = self.order(order);
                let kind = self.seen.get(&order).map(|order| order.terms.kind);
                Command::Replace(ReplaceOrder {
                    order,
                    replacement: self.desk.new_order_id(),
                    client_order_id: self.client_order_id(name),
                    fingerprint: Digest::new([3; 32]),
                    quantity: count.map(|count| lots(count * 10)),
                    limit_price: kind.and_then(OrderKind::limit_price).and(offset).map(near),
                    stop_price: kind.and_then(OrderKind::stop_price).and(offset).map(near),
                    time_in_force: None,
                    rules: instrument(symbol(SYMBOLS[0])),
                })
            }
            Step::Cancel { order } => Command::Cancel { order: self.order(order) },
            Step::CancelAll { symbol } => Command::CancelAll { symbol: symbol.map(pick) },
            Step::Close { symbol, name } => Command::ClosePosition(ClosePosition {
                symbol: pick(symbol),
                order: self.desk.new_order_id(),
                client_order_id: self.client_order_id(name),
                fingerprint: Digest::new([4; 32]),
                rules: instrument(pick(symbol)),
            }),
            Step::Route { order } => Command::Route { order: self.order(order) },
            Step::Expire { order, due } => {
                let bound = if due { Duration::ZERO } else { Duration::from_secs(1_000_000) };
                Command::ExpireUnrouted { order: self.order(order), bound }
            }
            Step::Acknowledge { order, name } => {
                let broker_order_id = format!("b-{}", name % 4).parse().unwrap();
                self.report(order, ReportKind::Acknowledged { broker_order_id })
            }
            Step::Fill { order, lots: count, offset, fee, name, foreign_fee } => {
                let name = name.map_or_else(|| format!("f-{}", self.fills.len()), |name| format!("f-{name}"));
                let fill = FillReport {
                    fill: name.parse().unwrap(),
                    quantity: lots(count * 10),
                    price: near(offset),
                    fee: Money::new(lots(fee.unsigned_abs()).decimal())
                        .scaled(Decimal::from_int(fee.signum()), velox_kernel::Rounding::Up)
                        .unwrap(),
                    fee_currency: currency(if foreign_fee { "BNB" } else { "USD" }),
                    liquidity: Liquidity::Maker,
                    caused_by: None,
                };
                self.report(order, ReportKind::Filled(fill))
            }
            Step::Canceled { order, text } => {
                self.report(order, ReportKind::Canceled { text: if text { "why".to_owned() } else { String::new() } })
            }
            Step::Expired { order } => self.report(order, ReportKind::Expired),
            Step::Rejected { order } => self.report(order, ReportKind::Rejected { text: "no".to_owned() }),
            Step::CancelRejected { order } => {
                let order = self.aim(order, |order| order.status == OrderStatus::PendingCancel);
                self.desk.report(order, ReportKind::CancelRejected { text: "no".to_owned() })
            }
            Step::Replaced { order, name } => {
                let broker_order_id = format!("r-{name}").parse().unwrap();
                let order = self.aim(order, |order| order.pending.is_some());
                self.desk.report(order, ReportKind::Replaced { broker_order_id })
            }
            Step::ReplaceRejected { order } => {
                let order = self.aim(order, |order| order.pending.is_some());
                self.desk.report(order, ReportKind::ReplaceRejected { text: "no".to_owned() })
            }

            Step::NoAnswer { order } => {
                let order = self.aim(order, |order| order.status == OrderStatus::Routed);
                self.desk.report(order, ReportKind::NoAnswer)
            }
            Step::NotFound { order, settling } => {
                let settling = Duration::from_secs(u64::from(settling % 60));
                let order = self.aim(order, |order| order.unknown_since.is_some());
                self.desk.report(order, ReportKind::NotFound { settling, needed: 2 })
            }
            Step::Stranger => self.desk.report(self.desk.new_order_id(), ReportKind::Expired),
            Step::Halt { reduce_only, cancel } => Command::Halt {
                mode: if reduce_only { HaltMode::ReduceOnly } else { HaltMode::Halted },
                reason: "drill".to_owned(),
                cancel_open: cancel,
            },
            Step::EnforceDailyLoss => Command::EnforceDailyLoss,
            Step::Resume => Command::Resume,
            Step::Limits { which } => Command::SetLimits(RiskLimits {
                max_order_quantity: (which & 1 != 0).then(|| lots(500)),
                max_position: (which & 2 != 0).then(|| lots(900)),
                price_collar: (which & 4 != 0).then(|| Decimal::from_int(2)),
                daily_loss: (which & 8 != 0).then(|| money("5")),
                daily_trades: (which & 16 != 0).then_some(20),
                max_open_orders: if which & 32 == 0 { 10_000 } else { 5 },
                max_order_notional: (which & 64 != 0).then(|| money("40")),
            }),
            Step::Cash { amount, foreign } => {
                let currency = currency(if foreign { "EUR" } else { "USD" });
                Command::MoveCash {
                    currency,
                    amount: Money::new(lots(amount.unsigned_abs()).decimal())
                        .scaled(Decimal::from_int(amount.signum()), velox_kernel::Rounding::Up)
                        .unwrap(),
                }
            }
            Step::Reset => Command::Reset { cash: money("100") },
            Step::Price { .. } | Step::Time { .. } => unreachable!("no command"),
        }
    }

    fn run(&mut self, command: &Command) {
        let context = self.desk.context(command);
        let explained = match command {
            Command::Place(place) => Some(self.desk.account().explain(place, &context)),
            _ => None,
        };
        let decided = self.desk.account().handle(command, &context);
        let again = self.desk.account().handle(command, &context);
        assert_eq!(decided, again, "deciding is deterministic");
        if let (Some(explained), false) = (explained, repeats(&decided)) {
            let denied = decided.as_ref().map(|events| matches!(events[0].fact, Fact::OrderDenied { .. }));
            let says = explained.map(|explained| explained.verdict.denial().is_some());
            assert_eq!(says, denied.map_err(Clone::clone), "explain says what placing does");
        }
        let account = self.desk.account();
        let lost = account.daily_loss(context.market_time, context.prices);
        let is_over = account.profile().is_some() && account.halt().is_none() && lost.is_ok_and(|check| !check.passed);
        match (self.desk.run(command.clone()), decided) {
            (Ok(append), Ok(events)) => {
                assert_eq!(append.events.len(), events.len());
                let facts = AccountScenario::facts(&append);
                if matches!(command, Command::EnforceDailyLoss) {
                    assert_eq!(
                        is_over,
                        !facts.is_empty(),
                        "a loss halts once it has reached its limit, and not before"
                    );
                    assert!(facts.is_empty() || self.only_reduces(), "what is left only makes positions smaller");
                }
                self.note(command, &facts);
            }
            (result, decided) => assert_eq!(result.map(|_| ()), decided.map(|_| ()), "what handle says goes"),
        }
    }

    /// Whether the open orders that are not being cancelled can together only make positions smaller.
    fn only_reduces(&self) -> bool {
        let account = self.desk.account();
        let mut left: std::collections::BTreeMap<_, _> =
            account.positions().map(|position| (position.symbol, position.quantity)).collect();
        account.open_orders().filter(|order| order.status != OrderStatus::PendingCancel).all(|order| {
            let held = left.entry(order.terms.symbol).or_default();
            let before = *held;
            *held = held.plus(order.terms.side.signed(order.remaining())).unwrap();
            !before.is_zero()
                && (held.is_zero() || held.is_negative() == before.is_negative())
                && held.abs() < before.abs()
        })
    }

    fn note(&mut self, command: &Command, facts: &[Fact]) {
        if let Command::Report(Report { kind: ReportKind::Filled(fill), .. }) = command {
            assert_eq!(facts.is_empty(), !self.names.insert(fill.fill), "a fill counts once");
        }
        for fact in facts {
            match fact {
                Fact::OrderAccepted(placed) | Fact::OrderReplaced { by: placed, .. } => {
                    self.orders.push(placed.order_id)
                }
                Fact::OrderDenied { order, .. } => self.orders.push(order.order_id),
                Fact::OrderFilled(fill) => self.fills.push(Fill::clone(fill)),
                Fact::CashMoved { currency, amount } => {
                    let held = self.deposited.entry(*currency).or_insert(Money::ZERO);
                    *held = held.plus(*amount).unwrap();
                }
                Fact::AccountReset { cash } => {
                    self.deposited = BTreeMap::from([(currency("USD"), *cash)]);
                    self.before_reset = self.fills.len();
                }
                _ => {}
            }
        }
    }

    /// Notes which kinds of facts and which statuses this history came to.
    pub(super) fn add_kinds(&self, facts: &mut BTreeSet<String>, statuses: &mut BTreeSet<&'static str>) {
        facts.extend(self.desk.log().iter().map(|recorded| recorded.kind.to_string()));
        statuses.extend(self.statuses.iter().copied());
    }

    fn check(&mut self) {
        self.check_orders();
        self.check_positions_and_ledgers();
        self.check_exposure();
        self.check_log();
    }

    fn check_orders(&mut self) {
        let rows = &self.desk.rows().orders;
        for (id, order) in rows {
            let fills = self.fills.iter().filter(|fill| fill.order == *id);
            let (mut filled, mut value) = (Quantity::ZERO, Money::ZERO);
            for fill in fills {
                filled = filled.plus(fill.quantity).unwrap();
                value = value.plus(fill.price.value(fill.quantity).unwrap()).unwrap();
            }
            assert_eq!((order.filled, order.filled_value), (filled, value), "quantities add up");
            self.statuses.insert(order.status.as_str());
            let before = self.seen.insert(*id, order.clone());
            if let Some(before) = before.filter(|before| before != order) {
                assert!(may_follow(before.status, order.status), "{:?} to {:?}", before.status, order.status);
                assert_eq!(before.terms, order.terms, "terms are fixed");
                assert!(order.filled >= before.filled, "what filled stays filled");
                assert!(order.last_seq > before.last_seq);
            }
            let open = self.desk.account().open_order(*id);
            assert_eq!(open, Some(order).filter(|order| order.status.is_open()), "open orders are in the state");
            if order.filled >= order.terms.quantity {
                assert_eq!(order.status, OrderStatus::Filled);
            }
            if let Some(pending) = &order.pending {
                assert!(matches!(order.status, OrderStatus::PendingReplace | OrderStatus::PendingCancel));
                assert!(!rows.contains_key(&pending.id), "a replacement begins when the broker says so");
            }
        }
        assert_eq!(self.desk.account().open_orders().count(), rows.values().filter(|o| o.status.is_open()).count());
        for order in self.desk.account().open_orders() {
            let named = self.desk.account().open_order_by_client_id(order.client_order_id);
            assert_eq!(named.map(|named| named.id), Some(order.id), "client order ids name one order");
        }
        let mut names = BTreeSet::new();
        assert!(rows.values().all(|order| names.insert(order.client_order_id)), "and name it for ever");
    }

    fn check_positions_and_ledgers(&self) {
        let account = self.desk.account();
        let counted = &self.fills[self.before_reset..];
        let mut realised = Money::ZERO;
        for name in SYMBOLS {
            let of_symbol = |fill: &&Fill| fill.symbol == symbol(name);
            let position = account.position(symbol(name));
            agrees(position, counted.iter().filter(of_symbol));
            realised = realised.plus(position.map_or(Money::ZERO, |position| position.realised)).unwrap();
            for strategy in self.strategies {
                let position = account.strategy_position(strategy, symbol(name));
                agrees(position, counted.iter().filter(of_symbol).filter(|fill| fill.strategy == Some(strategy)));
            }
        }
        for balance in account.balances() {
            let fees = counted.iter().filter(|fill| fill.fee_currency == balance.currency).map(|fill| fill.fee);
            let fees = fees.fold(Money::ZERO, |sum, fee| sum.plus(fee).unwrap());
            let deposited = self.deposited.get(&balance.currency).copied().unwrap_or_default();
            let realised = if balance.currency == currency("USD") { realised } else { Money::ZERO };
            assert_eq!((balance.deposited, balance.realised, balance.fees), (deposited, realised, fees));
            assert_eq!(balance.cash(), deposited.plus(realised).unwrap().minus(fees));
        }
        assert!(self.deposited.keys().all(|currency| account.balance(*currency).is_some()));
        let valuation = account.valuation(currency("USD"), &self.desk.prices).unwrap();
        assert_eq!(valuation.equity, valuation.cash.plus(valuation.unrealised).unwrap());
        assert!(!valuation.reserved.is_negative() && !valuation.margin_used.is_negative());
    }

    /// The sums of the open orders are what summing the open orders gives.
    fn check_exposure(&self) {
        for name in SYMBOLS {
            let exposure = self.desk.account().exposure(symbol(name));
            let mut count = 0;
            for side in [Side::Buy, Side::Sell] {
                let (mut quantity, mut value) = (Quantity::ZERO, Money::ZERO);
                for order in self.desk.account().open_orders() {
                    if order.terms.symbol == symbol(name) && order.terms.side == side {
                        let left = order.terms.quantity.minus(order.filled).unwrap().max(Quantity::ZERO);
                        let worth = order.reserve_price.value(left).unwrap();
                        let (next, next_worth) = match &order.pending {
                            Some(next) => {
                                let left = next.terms.quantity.minus(order.filled).unwrap().max(Quantity::ZERO);
                                (left, next.reserve_price.value(left).unwrap())
                            }
                            None => (Quantity::ZERO, Money::ZERO),
                        };
                        quantity = quantity.plus(left.max(next)).unwrap();
                        value = value.plus(worth.max(next_worth)).unwrap();
                        count += 1;
                    }
                }
                assert_eq!(exposure.side(side), (quantity, value), "what {side:?} orders reserve");
            }
            assert_eq!(exposure.orders, count);
        }
    }

    /// What was added to the log follows what was there, and gives the same account.
    fn check_log(&mut self) {
        for recorded in &self.desk.log()[self.read..] {
            let before = (self.replayed.seq(), self.replayed.last_time());
            let previous =
                before.0.checked_sub(1).map_or(Digest::ZERO, |at| self.desk.log()[usize::try_from(at).unwrap()].hash);
            recorded.check_follows(before.0, previous).unwrap();
            assert!(recorded.market_time >= before.1, "times never decrease");
            self.replayed.apply(&recorded.event().unwrap()).unwrap();
        }
        self.read = self.desk.log().len();
        assert_eq!(&self.replayed, self.desk.account(), "replaying gives the same account");
    }

    /// What is only worth checking once a history: a full replay of the rows, a snapshot's way through JSON.
    pub(super) fn check_whole_history(&self) {
        let (mut account, mut projector) = (Account::unopened(self.desk.id()), Projector::default());
        for recorded in self.desk.log() {
            projector.apply(&mut account, &recorded.event().unwrap(), None).unwrap();
        }
        let mut rows = Rows::default();
        rows.take(&projector.finish(&account));
        assert_eq!(&rows, self.desk.rows(), "rows folded append by append are those of a full replay");
        let json = serde_json::to_string(self.desk.account()).unwrap();
        assert_eq!(&serde_json::from_str::<Account>(&json).unwrap(), self.desk.account(), "a snapshot comes back");
    }
}

fn repeats(decided: &Result<Vec<velox_trading::Event>, Refused>) -> bool {
    matches!(decided, Err(Refused::Repeated { .. } | Refused::IdConflict { .. }))
}
