//! A whole installation on stores in memory: real keys, real bridges, real lanes, a clock set by hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use velox::accounts::{Hub, LanePorts, LaneSettings, Lanes};
use velox::bridges::{
    AccessNews, CachedInstruments, CandlePrices, FeedMoments, IdentityAuthenticator, MarketPrices, PaperProbe,
    TradingAccounts,
};
use velox::execution::{EXECUTION_SHARDS, ExecutionRights};
use velox::http::health::HealthChecks;
use velox::http::{Edge, EdgePorts, Server, routes};
use velox::observe::Observer;
use velox::shutdown::Shutdown;
use velox_broker_paper::PaperBroker;
use velox_brokers::{Brokers, Catalog, PaperSettings};
use velox_crypto::{BcryptConfig, BcryptHasher, KeyRing, KeyedSecrets, PasetoSigner, TokenBinding};
use velox_engine::{Intake, PastPrices};
use velox_feed_replay::Speed;
use velox_identity::{AccessChange, Identity, IdentityConfig, IdentityPorts, IdentityStore};
use velox_kernel::{Clock, Role, SessionId, Symbol};
use velox_market::{HotMarket, HotSettings, Market, MarketEvent, MarketStore, bundled_instruments};
use velox_testkit::brokers::{MemoryBrokerStore, PlainSecretBox};
use velox_testkit::identity::MemoryIdentityStore;
use velox_testkit::market::{MemoryMarketStore, sample_quote};
use velox_testkit::trading::{FreshIds, MemoryTradingStore};
use velox_testkit::{CountingIds, TestClock};
use velox_trading::Trading;

use crate::server::{Answer, config, request};

/// The password that everybody has here.
pub(crate) const PASSWORD: &str = "tin-lamp-orbit-fjord";
/// How old a price may be.
const STALE_AFTER: Duration = Duration::from_secs(10);

/// The server and what stands behind it.
pub(crate) struct House {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) market: Market,
    pub(crate) market_store: Arc<MemoryMarketStore>,
    pub(crate) users: Arc<MemoryIdentityStore>,
    pub(crate) broker_store: Arc<MemoryBrokerStore>,
    pub(crate) paper: Arc<PaperBroker>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) trading: Trading,
    moments: Arc<FeedMoments>,
    endings: broadcast::Receiver<SessionId>,
    _server: Server,
}

impl House {
    /// One that takes registrations.
    pub(crate) async fn open() -> Self {
        Self::with(IdentityConfig { registration_open: true, ..IdentityConfig::default() }, &[]).await
    }

    pub(crate) async fn with(identity: IdentityConfig, set: &[(&str, &str)]) -> Self {
        let clock = Arc::new(TestClock::default());
        let (told, endings) = broadcast::channel(64);
        let users = Arc::new(MemoryIdentityStore::default());
        let identity = Arc::new(Identity::new(identity_ports(&clock, &users, told), identity));

        let market_store = Arc::new(MemoryMarketStore::default());
        market_store.save_instruments(&bundled_instruments()).await.unwrap();
        let moments = Arc::new(FeedMoments::new(clock.clone(), Speed::REAL, STALE_AFTER));
        let hot = Arc::new(HotMarket::new(HotSettings::default()));
        let market = Market::new(market_store.clone(), hot, moments.clone(), STALE_AFTER);

        let trading = trading(&market, &moments);
        let paper = Arc::new(PaperBroker::new(64));
        let rights = ExecutionRights::default();
        rights.grant_all();
        rights.serve(&(0..EXECUTION_SHARDS).collect());
        let broker_store = Arc::new(MemoryBrokerStore::default());
        let brokers = Brokers {
            store: broker_store.clone(),
            secret_box: Arc::new(PlainSecretBox),
            accounts: Arc::new(TradingAccounts {
                writer: trading.writer.clone(),
                paper: paper.clone(),
                teller: velox::peers::Teller::to_nobody(),
                rights: rights.clone(),
                users: users.clone(),
                ids: Arc::new(FreshIds),
            }),
            probe: Arc::new(PaperProbe {
                writer: trading.writer.clone(),
                brokers: Arc::new(paper.clone()),
                rights,
                market: market.clone(),
            }),
            catalog: Arc::new(Catalog::paper_alone(PaperSettings::usual("USD".parse().unwrap()))),
            clock: clock.clone(),
            ids: Arc::new(FreshIds),
        };

        let past: Arc<dyn PastPrices> = Arc::new(CandlePrices(market.clone()));
        let instruments = Arc::new(CachedInstruments::new(market_store.clone(), clock.clone()));
        let data = (
            Data::from(identity.clone()),
            Data::new(brokers),
            Data::new(market.clone()),
            Data::new(Intake { trading: trading.clone(), instruments }),
            Data::new(trading.clone()),
            Data::from(past),
        );
        let wire = move |app: &mut ServiceConfig| {
            let (identity, brokers, market, intake, trading, past) = data.clone();
            app.app_data(identity).app_data(brokers).app_data(market).app_data(intake).app_data(trading).app_data(past);
        };
        let server = serve(&clock, &identity, set, wire);
        let address = server.address;
        Self {
            address,
            clock,
            market,
            market_store,
            users,
            broker_store,
            paper,
            identity,
            trading,
            moments,
            endings,
            _server: server,
        }
    }

    /// Somebody new, the admin of an organisation of their own, signed in: the answer's body.
    pub(crate) async fn register(&self, email: &str) -> Value {
        let body = json!({"email": email, "display_name": "Ada Lovelace", "password": PASSWORD});
        let answer = self.call("", "POST", "/v1/auth/register", &[], &body.to_string()).await;
        assert_eq!(answer.status, 201, "{}", answer.json());
        answer.json()
    }

    /// The access token of somebody new.
    pub(crate) async fn newcomer(&self, email: &str) -> String {
        text(&self.register(email).await, "access_token")
    }

    /// The access token of somebody new who is only a viewer or a trader.
    pub(crate) async fn newcomer_as(&self, role: Role, email: &str) -> String {
        self.register(email).await;
        self.change_access(email, role, false).await;
        text(&self.log_in(email, PASSWORD).await.json(), "access_token")
    }

    /// Gives a user another role, or shuts them out.
    pub(crate) async fn change_access(&self, email: &str, role: Role, disabled: bool) {
        let user = self.users.user_by_email(&email.parse().unwrap()).await.unwrap().unwrap();
        let change = AccessChange { org: user.org, user: user.id, role, disabled, now: self.clock.now() };
        self.users.change_access(&change).await.unwrap().unwrap();
    }

    pub(crate) async fn log_in(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password});
        self.call("", "POST", "/v1/auth/login", &[("User-Agent", "a browser")], &body.to_string()).await
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Answer {
        self.call(token, "GET", path, &[], "").await
    }

    pub(crate) async fn post(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.call(token, "POST", path, &[], &body.to_string()).await
    }

    /// A request under a token, or under none when that is empty; a body is announced as JSON.
    pub(crate) async fn call(
        &self,
        token: &str,
        method: &str,
        path: &str,
        more: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut headers = Vec::new();
        if !token.is_empty() {
            headers.push(("Authorization", bearer.as_str()));
        }
        if !body.is_empty() {
            headers.push(("Content-Type", "application/json"));
        }
        headers.extend_from_slice(more);
        request(self.address, method, path, &headers, body.as_bytes()).await
    }

    /// The sessions that were told to have ended since the last call.
    pub(crate) fn ended(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.endings.try_recv().ok()).map(|session| session.to_string()).collect()
    }

    /// The market quotes a symbol now: a bid at a whole price, the ask one above it.
    pub(crate) fn quote(&self, symbol: &str, bid: i32) {
        let offset = u64::try_from(self.clock.now().micros()).unwrap();
        let quote = sample_quote(symbol, self.clock.now(), offset, bid);
        self.market.hot.apply(&MarketEvent::Quote(quote));
        self.moments.hear(self.clock.now());
    }
}

/// A text member of an answer.
pub(crate) fn text(body: &Value, member: &str) -> String {
    body[member].as_str().expect(member).to_owned()
}

/// A symbol.
pub(crate) fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

fn identity_ports(
    clock: &Arc<TestClock>,
    users: &Arc<MemoryIdentityStore>,
    told: broadcast::Sender<SessionId>,
) -> IdentityPorts {
    let keys = KeyRing::generate().unwrap();
    let binding = TokenBinding { audience: "velox-test".into(), environment: "test".into() };
    IdentityPorts {
        store: users.clone(),
        hasher: Arc::new(BcryptHasher::new(&keys, BcryptConfig { cost: 4, threads: 1, waiting: 8 }).unwrap()),
        signer: Arc::new(PasetoSigner::new(&keys, &binding)),
        secrets: Arc::new(KeyedSecrets::new(&keys)),
        access_listener: Arc::new(AccessNews { sessions_ended: told, teller: velox::peers::Teller::to_nobody() }),
        clock: clock.clone(),
        ids: Arc::new(FreshIds),
    }
}

fn trading(market: &Market, moments: &Arc<FeedMoments>) -> Trading {
    let store = Arc::new(MemoryTradingStore::default());
    let prices = Arc::new(MarketPrices { hot: market.hot.clone(), stale_after: market.stale_after });
    // Nobody executes: orders stay where they are.
    let (hub, _) = Hub::new();
    let ports = LanePorts {
        log: store.clone(),
        queries: store.clone(),
        prices: prices.clone(),
        moments: moments.clone(),
        hub,
        observer: Observer::new(),
    };
    let settings = LaneSettings { lanes: 1, queue: 64, batch: 16, accounts: 16, snapshot_every: 1_000, shared: true };
    let (lanes, mut tasks) = Lanes::start(Arc::new(ports), settings);
    tasks.detach_all();
    Trading {
        writer: lanes,
        log: store.clone(),
        queries: store.clone(),
        lists: store,
        prices,
        moments: moments.clone(),
        ids: Arc::new(FreshIds),
    }
}

fn serve(
    clock: &Arc<TestClock>,
    identity: &Arc<Identity>,
    set: &[(&str, &str)],
    wire: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Server {
    let usual = [
        ("server.request_timeout_ms", "20000"),
        ("limits.requests_per_minute", "0"),
        ("limits.orders_per_minute", "0"),
        ("limits.logins_per_minute", "0"),
    ];
    let config = config(&[&usual, set].concat());
    let ports = EdgePorts {
        clock: clock.clone(),
        ids: Arc::new(CountingIds::default()),
        authenticator: Arc::new(IdentityAuthenticator(identity.clone())),
        health: HealthChecks::default(),
        shutdown: Shutdown::default(),
        limits: None,
        replica: None,
    };
    Server::start(&config.server, Arc::new(Edge::new(&config, ports, routes())), wire).unwrap()
}
