//! [`AccountScenario`]: drives one account by commands and yields what a writer would append.

#![allow(clippy::expect_used, reason = "a scenario is a test's own script: a step that fails ends the test")]

use std::sync::Arc;
use std::time::Duration;

use velox_kernel::{
    AccountId, ClientOrderId, CommandId, ConnectionId, Decimal, Digest, FillId, Ids, Money, OrderId, OrgId, Price,
    Principal, Quantity, RequestId, Symbol, Timestamp, TraceContext,
};
use velox_trading::{
    Account, Append, Cause, Command, Context, Event, Fact, FillReport, Head, InstrumentRules, Liquidity, OpenAccount,
    Order, OrderKind, OrderTerms, PlaceOrder, Projector, RecordedEvent, Refused, Report, ReportKind, RiskLimits, Side,
};

use super::{FixedPrices, Rows, currency, instrument, money, terms};

/// One account and everything a writer knows of it. Cloned, it makes appends that compete.
#[derive(Clone)]
pub struct AccountScenario {
    /// The market as decisions see it.
    pub prices: FixedPrices,
    /// Now, by the market.
    pub market_time: Timestamp,
    /// Now, by the wall.
    pub wall_time: Timestamp,
    /// How old a price may be.
    pub price_bound: Duration,
    /// Whether decisions are told of closed orders and known fills, as a writer that asked the store does.
    pub looks_up: bool,
    /// Who commands.
    pub actor: Principal,
    /// The request that brings the commands, if one does.
    pub request: Option<RequestId>,
    /// The trace that they belong to, if there is one.
    pub trace: Option<TraceContext>,
    ids: Arc<dyn Ids>,
    org: OrgId,
    connection: ConnectionId,
    account: Account,
    head: Head,
    rows: Rows,
    log: Vec<RecordedEvent>,
    names: u64,
}

impl AccountScenario {
    /// An account that is not opened yet, of an organisation and a connection of its own.
    #[must_use]
    pub fn new(ids: Arc<dyn Ids>) -> Self {
        let (org, connection) = (OrgId::new(ids.next()), ConnectionId::new(ids.next()));
        Self::within(ids, org, connection)
    }

    /// An account that is not opened yet, of the given organisation and connection.
    #[must_use]
    pub fn within(ids: Arc<dyn Ids>, org: OrgId, connection: ConnectionId) -> Self {
        let now = Timestamp::from_seconds(1_767_614_400);
        Self {
            prices: FixedPrices::default(),
            market_time: now,
            wall_time: now,
            price_bound: Duration::from_secs(60),
            looks_up: true,
            actor: Principal::System,
            request: None,
            trace: None,
            account: Account::unopened(AccountId::new(ids.next())),
            ids,
            org,
            connection,
            head: Head { seq: 0, hash: Digest::ZERO },
            rows: Rows::default(),
            log: vec![],
            names: 0,
        }
    }

    /// The account as it is now.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// The account's id.
    #[must_use]
    pub const fn id(&self) -> AccountId {
        self.account.id()
    }

    /// The tenant.
    #[must_use]
    pub const fn org(&self) -> OrgId {
        self.org
    }

    /// The broker connection.
    #[must_use]
    pub const fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// The newest event.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// The read rows that follow from every event so far.
    #[must_use]
    pub const fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Every event so far.
    #[must_use]
    pub fn log(&self) -> &[RecordedEvent] {
        &self.log
    }

    /// An order, open or closed.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn order(&self, id: OrderId) -> &Order {
        self.rows.orders.get(&id).expect("an order of this account")
    }

    /// Lets market time and wall time pass.
    pub fn advance(&mut self, by: Duration) {
        self.market_time = self.market_time.plus(by);
        self.wall_time = self.wall_time.plus(by);
    }

    /// Sets a price as of now.
    pub fn set_price(&mut self, symbol: Symbol, price: Price) {
        self.prices.set(symbol, price, self.market_time);
    }

    /// A new order's id.
    pub fn new_order_id(&self) -> OrderId {
        OrderId::new(self.ids.next())
    }

    /// A new client order id, the same in every run.
    pub fn new_client_order_id(&mut self) -> ClientOrderId {
        self.names += 1;
        format!("client-{}", self.names).parse().expect("a client order id")
    }

    /// The usual opening: a paper account with 1,000,000 USD, leverage 10, shorting allowed, no limits.
    #[must_use]
    pub fn opening(&self) -> OpenAccount {
        OpenAccount {
            account: self.id(),
            org: self.org,
            connection: self.connection,
            name: "Main".to_owned(),
            paper: true,
            currency: currency("USD"),
            cash: money("1000000"),
            leverage: Decimal::from_int(10),
            allow_short: true,
            limits: RiskLimits::default(),
        }
    }

    /// Opens the account in the usual way.
    pub fn open(&mut self) -> Append {
        let opening = self.opening();
        self.must(Command::Open(opening))
    }

    /// What a decision on the command is shown.
    #[must_use]
    pub fn context(&self, command: &Command) -> Context<'_> {
        let by_client_id = |id| self.rows.orders.values().find(|order| order.client_order_id == id);
        let named = command.client_order_id().and_then(by_client_id);
        let named = named.or_else(|| command.order().and_then(|id| self.rows.orders.get(&id)));
        Context {
            market_time: self.market_time,
            wall_time: self.wall_time,
            prices: &self.prices,
            price_bound: self.price_bound,
            closed_order: named.filter(|order| self.looks_up && !order.status.is_open()),
            known_fill: self.looks_up && command.fill().is_some_and(|fill| self.rows.has_fill(fill)),
        }
    }

    /// Decides a command and takes its events in. The append has no events when the command changes nothing.
    ///
    /// # Errors
    /// As [`Account::handle`].
    pub fn run(&mut self, command: Command) -> Result<Append, Refused> {
        self.run_all([command])
    }

    /// Decides commands one after the other and takes their events in as one append.
    ///
    /// # Errors
    /// As [`Account::handle`], for the first that is refused; nothing is taken in then.
    ///
    /// # Panics
    /// When an event that `handle` returned cannot be applied or recorded.
    pub fn run_all(&mut self, commands: impl IntoIterator<Item = Command>) -> Result<Append, Refused> {
        let mut next = self.clone();
        let (mut batch, mut projector) = (self.account.clone(), Projector::default());
        for command in commands {
            let context = next.context(&command);
            let closed = context.closed_order.cloned();
            let decided = next.account.handle(&command, &context)?;
            for event in &decided {
                projector.apply(&mut batch, event, closed.as_ref()).expect("handle tried its events");
            }
            next.take(&decided, closed.as_ref());
        }
        assert_eq!(batch, next.account, "an account is the same however its events are batched");
        let known = usize::try_from(self.head.seq).unwrap_or(usize::MAX);
        let append = Append {
            account: self.id(),
            org: self.org,
            expected_seq: self.head.seq,
            events: next.log[known..].to_vec(),
            projection: projector.finish(&batch),
            fence: None,
            position: None,
        };
        *self = next;
        Ok(append)
    }

    /// [`AccountScenario::run`] of a command that must change something.
    ///
    /// # Panics
    /// When it does not.
    pub fn must(&mut self, command: Command) -> Append {
        let append = self.run(command).expect("the command is taken");
        assert!(!append.events.is_empty(), "the command changes something");
        append
    }

    fn take(&mut self, events: &[Event], closed: Option<&Order>) {
        let Self { actor, request, trace, .. } = *self;
        let cause = Cause { actor, command: CommandId::new(self.ids.next()), request, trace };
        let mut projector = Projector::default();
        for event in events {
            projector.apply(&mut self.account, event, closed).expect("handle tried its events");
            let seq = self.account.seq();
            let recorded = RecordedEvent::record(self.id(), seq, event, &cause, self.wall_time, self.head.hash);
            let recorded = recorded.expect("a fact of ours is JSON");
            self.head = Head { seq, hash: recorded.hash };
            self.log.push(recorded);
        }
        self.rows.take(&projector.finish(&self.account));
    }

    /// A place command under a fresh client order id, whose fingerprint is that of its terms.
    pub fn place_command(&mut self, terms: OrderTerms) -> PlaceOrder {
        let rules: InstrumentRules = instrument(terms.symbol);
        let client_order_id = self.new_client_order_id();
        PlaceOrder { order: self.new_order_id(), client_order_id, fingerprint: Digest::new([7; 32]), terms, rules }
    }

    /// Places an order on these terms.
    ///
    /// # Panics
    /// When it is refused.
    pub fn place(&mut self, terms: OrderTerms) -> (OrderId, Append) {
        let command = self.place_command(terms);
        (command.order, self.must(Command::Place(command)))
    }

    /// Places a good-till-cancelled limit order.
    ///
    /// # Panics
    /// When it is refused.
    pub fn place_limit(&mut self, symbol: Symbol, side: Side, quantity: &str, price: Price) -> (OrderId, Append) {
        self.place(terms(symbol, side, quantity, OrderKind::Limit { limit_price: price }))
    }

    /// A report of this account's broker, as of now.
    #[must_use]
    pub fn report(&self, order: OrderId, kind: ReportKind) -> Command {
        Command::Report(Report { account: self.id(), order, kind, at: self.market_time })
    }

    /// Routes an order and lets the broker acknowledge it.
    ///
    /// # Panics
    /// When the order is not waiting to be routed.
    pub fn work(&mut self, order: OrderId) -> Append {
        let broker_order_id = format!("broker-{order}").parse().expect("a broker's order id");
        let acknowledged = self.report(order, ReportKind::Acknowledged { broker_order_id });
        self.run_all([Command::Route { order }, acknowledged]).expect("the order is waiting to be routed")
    }

    /// A fill report without a fee.
    #[must_use]
    pub fn fill_report(&self, order: OrderId, fill: FillId, quantity: Quantity, price: Price) -> Command {
        self.fill_report_with_fee(order, fill, quantity, price, Money::ZERO)
    }

    /// A fill report with a fee in USD.
    #[must_use]
    pub fn fill_report_with_fee(
        &self,
        order: OrderId,
        fill: FillId,
        quantity: Quantity,
        price: Price,
        fee: Money,
    ) -> Command {
        let fee_currency = currency("USD");
        let liquidity = Liquidity::Taker;
        let report = FillReport { fill, quantity, price, fee, fee_currency, liquidity, caused_by: None };
        self.report(order, ReportKind::Filled(report))
    }

    /// Fills a part of an order under a fresh name.
    ///
    /// # Panics
    /// When the fill is refused.
    pub fn fill(&mut self, order: OrderId, quantity: Quantity, price: Price) -> Append {
        let fill = format!("fill-{}", self.head.seq + 1).parse().expect("a fill's name");
        self.must(self.fill_report(order, fill, quantity, price))
    }

    /// The facts of an append.
    ///
    /// # Panics
    /// When a payload cannot be read.
    #[must_use]
    pub fn facts(append: &Append) -> Vec<Fact> {
        append.events.iter().map(|recorded| recorded.event().expect("a payload of ours").fact).collect()
    }
}
