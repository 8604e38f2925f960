//! [`Ledger`]: one store, the processes that write to it, and short ways to their commands.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use velox::accounts::{Hub, LanePorts, LaneSettings, Lanes, Work};
use velox::observe::Observer;
use velox_kernel::{AccountId, Clock, CommandId, ConnectionId, Digest, Ids, Money, OrderId, OrgId, Principal, Symbol};
use velox_testkit::TestClock;
use velox_testkit::trading::{FixedPrices, FreshIds, currency, instrument, money, price, quantity, symbol, terms};
use velox_trading::{
    AccountWriter, Cause, Command, ExecuteError, Executed, FillReport, Liquidity, MarketPrice, Moment, Moments,
    OpenAccount, Order, OrderKind, PlaceOrder, Prices, Report, ReportKind, RiskLimits, Side, StoreError,
    TradingQueries, verify_account,
};

use super::faulty_store::FaultyStore;

/// Market time and wall time are one.
pub(crate) struct OneClock(pub(crate) Arc<TestClock>);

impl Moments for OneClock {
    fn now(&self) -> Moment {
        let now = self.0.now();
        Moment { market_time: now, wall_time: now, price_bound: Duration::from_secs(86_400) }
    }
}

/// Prices that stand still until they are told to move; one symbol's break whoever looks at them.
pub(crate) struct Still(Mutex<FixedPrices>);

impl Still {
    /// BTC-PERP at this price.
    pub(crate) fn at(at: &str, clock: &TestClock) -> Self {
        let mut prices = FixedPrices::default();
        prices.set(symbol("BTC-PERP"), price(at), clock.now());
        Self(Mutex::new(prices))
    }

    /// Moves BTC-PERP.
    pub(crate) fn move_to(&self, to: &str, clock: &TestClock) {
        self.0.lock().set(symbol("BTC-PERP"), price(to), clock.now());
    }
}

impl Prices for Still {
    fn price(&self, symbol: Symbol) -> Option<MarketPrice> {
        assert_ne!(symbol.as_str(), "BROKEN", "as told");
        self.0.lock().price(symbol)
    }
}

/// One process that writes to the store.
pub(crate) struct Process {
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) prices: Arc<Still>,
    pub(crate) work: Work,
    pub(crate) tasks: tokio::task::JoinSet<()>,
}

/// One store, and the processes that write to it.
pub(crate) struct Ledger {
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) org: OrgId,
    names: AtomicU64,
}

pub(crate) const SETTINGS: LaneSettings =
    LaneSettings { lanes: 2, queue: 64, batch: 16, accounts: 16, snapshot_every: 1_000, shared: true };

pub(crate) fn cause() -> Cause {
    Cause { actor: Principal::System, command: CommandId::new(FreshIds.next()), request: None, trace: None }
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            store: Arc::default(),
            clock: Arc::default(),
            org: OrgId::new(FreshIds.next()),
            names: AtomicU64::new(0),
        }
    }

    /// The same store as somebody has it whom this one's faults do not meet.
    pub(crate) fn beside(&self) -> Self {
        Self {
            store: Arc::new(FaultyStore::over(Arc::clone(&self.store.inner))),
            clock: Arc::clone(&self.clock),
            org: self.org,
            names: AtomicU64::new(1 << 32),
        }
    }

    pub(crate) fn process(&self) -> Process {
        self.process_with(SETTINGS)
    }

    pub(crate) fn process_with(&self, settings: LaneSettings) -> Process {
        let prices = Arc::new(Still::at("100", &self.clock));
        let (hub, work) = Hub::new();
        let ports = LanePorts {
            log: self.store.clone(),
            queries: self.store.clone(),
            prices: prices.clone(),
            moments: Arc::new(OneClock(Arc::clone(&self.clock))),
            hub: Arc::clone(&hub),
            observer: Observer::new(),
        };
        let (lanes, tasks) = Lanes::start(Arc::new(ports), settings);
        Process { lanes, hub, prices, work, tasks }
    }

    /// A new account with 1,000,000 USD.
    pub(crate) async fn open(&self, process: &Process) -> AccountId {
        let account = AccountId::new(FreshIds.next());
        process.run(account, self.opening(account)).await.unwrap();
        account
    }

    pub(crate) fn opening(&self, account: AccountId) -> Command {
        Command::Open(OpenAccount {
            account,
            org: self.org,
            connection: ConnectionId::new(FreshIds.next()),
            name: "Main".to_owned(),
            paper: true,
            currency: currency("USD"),
            cash: money("1000000"),
            leverage: "1".parse().unwrap(),
            allow_short: true,
            limits: RiskLimits { max_open_orders: 10_000, ..RiskLimits::default() },
        })
    }

    /// An order for one unit at 90, under a name of its own.
    pub(crate) fn order(&self) -> PlaceOrder {
        let name = self.names.fetch_add(1, Ordering::SeqCst);
        let kind = OrderKind::Limit { limit_price: price("90") };
        let symbol = symbol("BTC-PERP");
        PlaceOrder {
            order: OrderId::new(FreshIds.next()),
            client_order_id: format!("client-{name}").parse().unwrap(),
            fingerprint: Digest::new([7; 32]),
            terms: terms(symbol, Side::Buy, "1", kind),
            rules: instrument(symbol),
        }
    }

    /// Places an order that must be accepted.
    pub(crate) async fn place(&self, process: &Process, account: AccountId) -> OrderId {
        let order = self.order();
        let id = order.order;
        process.run(account, Command::Place(order)).await.unwrap();
        id
    }

    /// Places an order, and lets it work at the broker.
    pub(crate) async fn work(&self, process: &Process, account: AccountId) -> OrderId {
        let order = self.place(process, account).await;
        process.run(account, Command::Route { order }).await.unwrap();
        process.run(account, self.acknowledged(account, order)).await.unwrap();
        order
    }

    pub(crate) fn report(&self, account: AccountId, order: OrderId, kind: ReportKind) -> Command {
        Command::Report(Report { account, order, kind, at: self.clock.now() })
    }

    pub(crate) fn acknowledged(&self, account: AccountId, order: OrderId) -> Command {
        let broker_order_id = "broker-1".parse().unwrap();
        self.report(account, order, ReportKind::Acknowledged { broker_order_id })
    }

    pub(crate) fn canceled(&self, account: AccountId, order: OrderId) -> Command {
        self.report(account, order, ReportKind::Canceled { text: String::new() })
    }

    pub(crate) fn filled(&self, account: AccountId, order: OrderId, fill: &str, amount: &str) -> Command {
        self.report(account, order, ReportKind::Filled(fill_report(fill, amount)))
    }

    /// An order as the store has it.
    pub(crate) async fn stored(&self, account: AccountId, order: OrderId) -> Order {
        self.store.inner.order_of_account(account, order).await.unwrap().unwrap()
    }

    /// Every account is as its log says.
    pub(crate) async fn verify(&self) {
        let store = &*self.store.inner;
        for row in store.all_accounts(None, 1_000).await.unwrap() {
            let findings = verify_account(store, store, &row).await.unwrap();
            assert_eq!(findings.faults, Vec::<String>::new());
        }
    }
}

/// What is said when a lane broke before it answered.
pub(crate) fn lost() -> ExecuteError {
    StoreError::OutcomeUnknown("the lane broke".to_owned()).into()
}

pub(crate) fn fill_report(fill: &str, amount: &str) -> FillReport {
    FillReport {
        fill: fill.parse().unwrap(),
        quantity: quantity(amount),
        price: price("90"),
        fee: Money::ZERO,
        fee_currency: currency("USD"),
        liquidity: Liquidity::Maker,
        caused_by: None,
    }
}

impl Process {
    pub(crate) async fn run(&self, account: AccountId, command: Command) -> Result<Executed, ExecuteError> {
        self.lanes.execute(account, command, cause()).await
    }

    /// Runs commands of one account that share one commit, in their order.
    pub(crate) async fn run_together(
        &self,
        account: AccountId,
        commands: impl IntoIterator<Item = Command>,
    ) -> Vec<Result<Executed, ExecuteError>> {
        let commands = commands.into_iter().map(|command| (command, cause(), None, tracing::Span::none())).collect();
        let answers = self.lanes.enqueue_together(account, commands).await.unwrap();
        let answer = async |answer: oneshot::Receiver<_>| answer.await.unwrap_or_else(|_| Err(lost()));
        futures_util::future::join_all(answers.into_iter().map(answer)).await
    }
}
