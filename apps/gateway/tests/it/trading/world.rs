//! A server with accounts, a market set by hand, and a broker that the test plays.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig};
use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::broadcast;
use uuid::Uuid;
use velox::accounts::{Hub, LanePorts, LaneSettings, Lanes};
use velox::http::health::HealthChecks;
use velox::http::{AuthProblem, Authenticator, Connections, Edge, EdgePorts, Server, routes};
use velox::observe::Observer;
use velox::shutdown::Shutdown;
use velox::streams::{MarketHub, OpenStreams, Standing, StreamDesk, StreamSettings};
use velox_engine::{InstrumentError, Instruments, Intake, PastPrices, PastPricesError};
use velox_kernel::{
    AccountId, Actor, Clock, CommandId, ConnectionId, Ids, Money, OrderId, OrgId, Principal, Role, SessionId, Symbol,
    Timestamp, UserId,
};
use velox_market::{Instrument, InstrumentStatus, bundled_instruments};
use velox_testkit::trading::{FixedPrices, FreshIds, MemoryTradingStore, currency, market, money, price, quantity};
use velox_testkit::{CountingIds, TestClock};
use velox_trading::{
    AccountWriter, Cause, Command, FillReport, Liquidity, MarketPrice, Moment, Moments, OpenAccount, Prices, Report,
    ReportKind, RiskLimits, Trading,
};

use crate::accounts::faulty_store::FaultyStore;
use crate::server::{Answer, config, request};

/// The market of the tests: it moves when told.
#[derive(Default)]
pub(crate) struct Market(Mutex<FixedPrices>);

impl Market {
    pub(crate) fn set(&self, symbol: &str, last: &str, at: Timestamp) {
        let last = price(last);
        self.0.lock().set(symbol.parse().unwrap(), last, at);
    }
}

impl Prices for Market {
    fn price(&self, symbol: Symbol) -> Option<MarketPrice> {
        self.0.lock().price(symbol)
    }
}

/// Market time and wall time are one.
struct OneClock(Arc<TestClock>);

impl Moments for OneClock {
    fn now(&self) -> Moment {
        let now = self.0.now();
        Moment { market_time: now, wall_time: now, price_bound: Duration::from_secs(60) }
    }
}

/// Instruments with the steps of `BTC-PERP`: tick 1, lot 0.0001, smallest value 1. `OLD` takes no orders, and `BRK.B`
/// none once it is delisted.
struct Listed(Arc<AtomicBool>);

#[async_trait]
impl Instruments for Listed {
    async fn instrument(&self, symbol: Symbol) -> Result<Option<Instrument>, InstrumentError> {
        let model = bundled_instruments().into_iter().next().unwrap();
        Ok(match symbol.as_str() {
            "BRK.B" if self.0.load(Ordering::SeqCst) => {
                Some(Instrument { symbol, status: InstrumentStatus::Delisted, ..model })
            }
            "AWAY" => return Err(InstrumentError("the store is away".to_owned())),
            "BTC-PERP" | "BTC/USD" | "BRK.B" | "QUIET" => Some(Instrument { symbol, ..model }),
            "OLD" => Some(Instrument { symbol, status: InstrumentStatus::Delisted, ..model }),
            _ => None,
        })
    }
}

/// Yesterday everything cost 40,000.
struct Yesterday;

#[async_trait]
impl PastPrices for Yesterday {
    async fn prices_at(
        &self,
        symbols: &[Symbol],
        at: Timestamp,
    ) -> Result<Vec<(Symbol, MarketPrice)>, PastPricesError> {
        Ok(symbols.iter().map(|symbol| (*symbol, market("40000", "40000", "40000", at))).collect())
    }
}

/// Knows `admin`, `trader` and `viewer` of one organisation, and `stranger`, a trader of another.
struct TwoTenants([OrgId; 2]);

#[async_trait]
impl Authenticator for TwoTenants {
    async fn authenticate(&self, token: &str) -> Result<Actor, AuthProblem> {
        let (org, role) = match token {
            "stranger" => (self.0[1], Role::Trader),
            role => (self.0[0], role.parse().map_err(|_| AuthProblem::Invalid)?),
        };
        Ok(Actor { org, user: UserId::new(Uuid::from_u128(7)), role, session: SessionId::new(Uuid::nil()) })
    }

    async fn is_host(&self, actor: &Actor) -> Result<bool, AuthProblem> {
        Ok(actor.org == self.0[0])
    }
}

/// The server and what stands behind it.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) market: Arc<Market>,
    /// A paper account with 100,000 USD.
    pub(crate) account: AccountId,
    /// The same of another tenant.
    pub(crate) foreign: AccountId,
    /// Whether `BRK.B` takes no orders any more.
    pub(crate) delisted: Arc<AtomicBool>,
    /// The store as handlers reach it; the accounts' writers have a way of their own.
    pub(crate) behind: Arc<FaultyStore>,
    /// What streams work with.
    pub(crate) desk: StreamDesk,
    /// What the server counts.
    pub(crate) connections: Arc<Connections>,
    lanes: Arc<Lanes>,
    org: OrgId,
    _server: Server,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|trading| trading).await
    }

    /// A world whose handlers get other ports.
    pub(crate) async fn with(change: impl FnOnce(Trading) -> Trading) -> Self {
        Self::made(&[], change, |_| {}).await
    }

    /// A world of another configuration, whose handlers get other ports and whose streams other bounds.
    pub(crate) async fn made(
        set: &[(&str, &str)],
        change: impl FnOnce(Trading) -> Trading,
        streams: impl FnOnce(&mut StreamDesk),
    ) -> Self {
        let (clock, market) = (Arc::new(TestClock::default()), Arc::new(Market::default()));
        for symbol in ["BTC-PERP", "BTC/USD", "BRK.B"] {
            market.set(symbol, "46000", clock.now());
        }
        let store = Arc::new(MemoryTradingStore::default());
        let moments = Arc::new(OneClock(Arc::clone(&clock)));
        // What the executor would be told is dropped: the test plays the broker.
        let (hub, _) = Hub::new();
        let ports = LanePorts {
            log: store.clone(),
            queries: store.clone(),
            prices: market.clone(),
            moments: moments.clone(),
            hub: Arc::clone(&hub),
            observer: Observer::new(),
        };
        let settings =
            LaneSettings { lanes: 2, queue: 64, batch: 16, accounts: 16, snapshot_every: 1_000, shared: true };
        let (lanes, mut tasks) = Lanes::start(Arc::new(ports), settings);
        tasks.detach_all();
        let behind = Arc::new(FaultyStore::over(store));
        let trading = Trading {
            writer: lanes.clone(),
            log: behind.clone(),
            queries: behind.clone(),
            lists: behind.clone(),
            prices: market.clone(),
            moments,
            ids: Arc::new(FreshIds),
        };
        let orgs = [OrgId::new(FreshIds.next()), OrgId::new(FreshIds.next())];
        let trading = change(trading);
        let delisted = Arc::new(AtomicBool::new(false));
        let mut desk = desk(&clock, orgs, trading.clone(), hub);
        streams(&mut desk);
        let (connections, server) = serve(set, trading, &desk, &clock, Listed(Arc::clone(&delisted)));
        let [account, foreign] = [AccountId::new(FreshIds.next()), AccountId::new(FreshIds.next())];
        let world = Self {
            address: server.address,
            clock,
            market,
            account,
            foreign,
            delisted,
            behind,
            desk,
            connections,
            lanes,
            org: orgs[0],
            _server: server,
        };
        world.open(account, orgs[0], true).await;
        world.open(foreign, orgs[1], true).await;
        world
    }

    /// Another account of the first tenant whose money is real.
    pub(crate) async fn open_real(&self) -> AccountId {
        let account = AccountId::new(FreshIds.next());
        self.open(account, self.org, false).await;
        account
    }

    async fn open(&self, account: AccountId, org: OrgId, paper: bool) {
        self.execute(
            account,
            Command::Open(OpenAccount {
                account,
                org,
                connection: ConnectionId::new(FreshIds.next()),
                name: "Main".to_owned(),
                paper,
                currency: currency("USD"),
                cash: money("100000"),
                leverage: "1".parse().unwrap(),
                allow_short: false,
                limits: RiskLimits::default(),
            }),
        )
        .await;
    }

    /// A command that does not come from a client.
    pub(crate) async fn execute(&self, account: AccountId, command: Command) {
        let cause =
            Cause { actor: Principal::System, command: CommandId::new(FreshIds.next()), request: None, trace: None };
        self.lanes.execute(account, command, cause).await.unwrap();
    }

    /// Plays the executor and the broker: routes an order and acknowledges it.
    pub(crate) async fn work(&self, order: &Value) {
        let id: OrderId = order["id"].as_str().unwrap().parse().unwrap();
        self.execute(self.account, Command::Route { order: id }).await;
        self.report(id, ReportKind::Acknowledged { broker_order_id: "broker-1".parse().unwrap() }).await;
    }

    /// Plays the broker: a part of a routed order trades, with a fee of 1 USD.
    pub(crate) async fn fill(&self, order: &Value, amount: &str, at: &str) {
        let id: OrderId = order["id"].as_str().unwrap().parse().unwrap();
        let fill = FillReport {
            fill: format!("fill-{}", FreshIds.next()).parse().unwrap(),
            quantity: quantity(amount),
            price: price(at),
            fee: Money::new("1".parse().unwrap()),
            fee_currency: currency("USD"),
            liquidity: Liquidity::Taker,
            caused_by: None,
        };
        self.report(id, ReportKind::Filled(fill)).await;
    }

    async fn report(&self, order: OrderId, kind: ReportKind) {
        let report = Report { account: self.account, order, kind, at: self.clock.now() };
        self.execute(self.account, Command::Report(report)).await;
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("viewer", "GET", path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("trader", "POST", path, &[], &body.to_string()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call("trader", "DELETE", path, &[], "").await
    }

    /// A request under a token; a body is announced as JSON.
    pub(crate) async fn call(
        &self,
        token: &str,
        method: &str,
        path: &str,
        more: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("Authorization", bearer.as_str())];
        if !body.is_empty() {
            headers.push(("Content-Type", "application/json"));
        }
        headers.extend_from_slice(more);
        request(self.address, method, path, &headers, body.as_bytes()).await
    }

    /// A limit order for a tenth below the market, with other or further members.
    pub(crate) fn order(&self, with: Value) -> Value {
        let mut body = json!({
            "account_id": self.account, "symbol": "BTC-PERP", "side": "buy", "type": "limit",
            "quantity": "0.5", "limit_price": "45000",
        });
        for (name, value) in with.as_object().unwrap() {
            if value.is_null() {
                body.as_object_mut().unwrap().remove(name);
            } else {
                body[name] = value.clone();
            }
        }
        body
    }

    /// Places an order that must be accepted.
    pub(crate) async fn place(&self, with: Value) -> Value {
        let answer = self.post("/v1/orders", &self.order(with)).await;
        assert_eq!(answer.status, 201, "{}", answer.json());
        answer.json()
    }

    /// Waits until the account has so many events.
    pub(crate) async fn until_events(&self, number: u64) {
        let grown = async {
            while self.events().await < number {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), grown).await.expect("the events did not come");
    }

    /// How many events the account has.
    pub(crate) async fn events(&self) -> u64 {
        self.lanes.read(self.account).await.unwrap().seq()
    }
}

/// Ends nobody's stream.
struct AllStand;

#[async_trait]
impl Standing for AllStand {
    async fn still_stands(&self, _: &Actor, _: Duration) -> bool {
        true
    }
}

fn desk(clock: &Arc<TestClock>, orgs: [OrgId; 2], trading: Trading, hub: Arc<Hub>) -> StreamDesk {
    StreamDesk {
        trading,
        hub,
        market: Arc::new(MarketHub::new(clock.now())),
        authenticator: Arc::new(TwoTenants(orgs)),
        standing: Arc::new(AllStand),
        open: OpenStreams::new(32),
        sessions_ended: broadcast::channel(16).0,
        shutdown: Shutdown::default(),
        clock: clock.clone(),
        settings: StreamSettings {
            queue: 64,
            patience: Duration::from_secs(20),
            heartbeat: Duration::from_secs(20),
            sign_in: Duration::from_secs(20),
            subscriptions: 64,
            symbols: 100,
            look_every: None,
        },
    }
}

fn serve(
    set: &[(&str, &str)],
    trading: Trading,
    desk: &StreamDesk,
    clock: &Arc<TestClock>,
    listed: Listed,
) -> (Arc<Connections>, Server) {
    let usual = [
        ("server.request_timeout_ms", "20000"),
        ("limits.requests_per_minute", "0"),
        ("limits.orders_per_minute", "0"),
    ];
    let config = config(&[&usual, set].concat());
    let ports = EdgePorts {
        clock: clock.clone(),
        ids: Arc::new(CountingIds::default()),
        authenticator: Arc::clone(&desk.authenticator),
        health: HealthChecks::default(),
        shutdown: desk.shutdown.clone(),
        limits: None,
        replica: None,
    };
    let intake = Data::new(Intake { trading: trading.clone(), instruments: Arc::new(listed) });
    let (trading, desk) = (Data::new(trading), Data::new(desk.clone()));
    let past: Arc<dyn PastPrices> = Arc::new(Yesterday);
    let wire = move |app: &mut ServiceConfig| {
        app.app_data(intake.clone())
            .app_data(trading.clone())
            .app_data(desk.clone())
            .app_data(Data::from(Arc::clone(&past)));
    };
    let edge = Arc::new(Edge::new(&config, ports, routes()));
    let connections = Arc::clone(&edge.connections);
    (connections, Server::start(&config.server, edge, wire).unwrap())
}
