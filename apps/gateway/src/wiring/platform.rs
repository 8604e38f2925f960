//! [`Platform`]: everything behind the HTTP edge, started.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig};
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinSet;
use velox_broker_paper::PaperBroker;
use velox_brokers::{Brokers, Catalog};
use velox_crypto::{
    AesGcmBox, BcryptConfig, BcryptHasher, KeyRing, KeyedSecrets, PasetoSigner, PeerSeal, SystemClock, SystemIds,
    TokenBinding,
};
use velox_engine::{Intake, PastPrices};
use velox_identity::{Identity, IdentityPorts};
use velox_kernel::{Clock, Currency, Ids, MemberId, RateLimiter};
use velox_market::{HotMarket, HotSettings, InstrumentFilter, Market, bundled_instruments};
use velox_trading::{Trading, TradingQueries};

use super::execution::{Execution, Share};
use super::feed_health::FeedHealth;
use super::feed_right::keep_feed;
use super::feeds::FeedSource;
use super::first_start::{Welcome, first_start};
use super::identity_settings::identity_settings;
use super::kafka::{KafkaHealth, Topics};
use super::market_parts::{MarketPart, parts_of};
use super::market_task::MarketTask;
use super::openings::Openings;
use super::paper_desk::PaperDesk;
use super::peer_news::{Books, CHANGED, PeerNews};
use super::peers::Peers;
use super::pruning::Pruning;
use super::replica_health::ReplicaHealth;
use super::risk::{Risk, RiskGroup, RiskHealth};
use super::settings::{lane_settings, paper_settings, stream_settings};
use super::starting::{StartError, open_keys};
use super::store_health::StoreHealth;
use super::stores::Stores;
use super::tasks::{TaskEnded, Tasks};
use super::tidying::Tidying;
use crate::accounts::{Hub, LanePorts, Lanes};
use crate::bridges::{
    AccessNews, CachedInstruments, CandleNews, CandlePrices, FeedMoments, IdentityAuthenticator, IdentityStanding,
    MarketPrices, PaperProbe, TradingAccounts,
};
use crate::config::{Config, FeedKind, Role};
use crate::dead_letters::DeadLetters;
use crate::execution::{BrokerCalls, BrokerDesk, EXECUTION_SHARDS, ExecutionRights};
use crate::http::EdgePorts;
use crate::http::health::HealthChecks;
use crate::market_parts::MARKET_PARTS;
use crate::market_topic::{MarketTopic, Told};
use crate::observe::{Observer, watch_queues};
use crate::observe_pool::watch_pool;
use crate::peers::{Teller, Words, listen};
use crate::relay::{RELAYED, Relay, RelayPorts, RelaySettings};
use crate::replicas::{Replica, watch_replica};
use crate::risk::RiskPorts;
use crate::shards::{GroupState, ShardKeeper, ShardTimes};
use crate::shutdown::Shutdown;
use crate::streams::{MarketHub, OpenStreams, StreamDesk};

/// Sessions' ends that a slow listener may lag behind before it has to ask.
const ENDINGS: usize = 1_024;
/// Reports that the paper broker may hold before it takes no more orders.
const REPORTS: usize = 65_536;
/// Instruments there may be.
const INSTRUMENTS: u32 = 10_000;
/// How long the paper broker may take until a query about an order is conclusive.
const SETTLING: Duration = Duration::from_secs(2);

/// Everything behind the HTTP edge, started.
pub struct Platform {
    /// What a first start has to say.
    pub welcome: Option<Welcome>,
    /// What handlers ask for.
    pub intake: Intake,
    identity: Arc<Identity>,
    brokers: Arc<Brokers>,
    paper: Arc<PaperBroker>,
    instruments: Arc<CachedInstruments>,
    market: Market,
    desk: StreamDesk,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    health: HealthChecks,
    limits: Option<Arc<dyn RateLimiter>>,
    replica: Option<Arc<Replica>>,
    shutdown: Shutdown,
    lanes: Arc<Lanes>,
    lane_tasks: JoinSet<()>,
    tasks: Tasks,
    /// Begins once nobody has anything more to tell other processes.
    all_ended: Shutdown,
    /// Who tells them.
    telling_tasks: Tasks,
}

impl Platform {
    /// Starts everything behind the HTTP edge.
    ///
    /// # Errors
    /// [`StartError`] says what is wrong.
    pub async fn start(config: &Config, stores: Stores, shutdown: Shutdown) -> Result<Self, StartError> {
        let roles = &config.process.roles;
        if !stores.shared && !roles.are_all() {
            return Err(StartError::Roles(roles.names()));
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids: Arc<dyn Ids> = Arc::new(SystemIds);
        let keys = open_keys(config, &stores).await?;

        // Market: what is traded, and at what price.
        if stores.market.instruments(&InstrumentFilter::default(), 1).await?.is_empty() {
            stores.market.save_instruments(&bundled_instruments()).await?;
        }
        let instruments = stores.market.instruments(&InstrumentFilter::default(), INSTRUMENTS).await?;
        let symbols: Vec<_> = instruments.iter().map(|instrument| instrument.symbol).collect();
        let topics = Topics::new(&config.kafka, Arc::clone(&clock))?;
        let mut tasks = Tasks::default();
        let dead_letters = topics.as_ref().map(|topics| {
            let (names, bus) = (topics.codec.names().clone(), topics.producer("dead_letters"));
            let (dead_letters, post) = DeadLetters::new(names, bus, Arc::clone(&clock));
            tasks.spawn("dead letters", post.run(shutdown.clone()));
            dead_letters
        });
        let kafka = topics.as_ref().zip(dead_letters);
        let topic =
            kafka.as_ref().map(|(topics, dead_letters)| topics.market(dead_letters.clone(), Arc::clone(&clock)));
        let store = Arc::clone(&stores.market);
        let source = FeedSource::prepare(&config.market, Arc::clone(&clock), store, &instruments, topic).await?;
        let stale_after = Duration::from_millis(config.market.stale_after_ms);
        let moments = Arc::new(FeedMoments::new(Arc::clone(&clock), source.speed(), stale_after));
        let hot = Arc::new(HotMarket::new(HotSettings::default()));
        hot.restore(&stores.market.tickers().await?);
        let teller = Teller::new(ids.next());
        let mut market = Market::new(Arc::clone(&stores.market), hot, moments.clone(), stale_after);
        market.others = Arc::new(CandleNews(Arc::clone(&teller)));
        if let Some(replica) = &stores.replica {
            market.history = Arc::clone(&replica.candles);
        }

        // Other processes: the way they are told by.
        let peers = Peers::new(&config.redis, stores.bus.clone())?;

        // Trading: the accounts' writers, and the paper broker behind them.
        let prices = Arc::new(MarketPrices { hot: Arc::clone(&market.hot), stale_after: market.stale_after });
        let risk_prices = prices.clone();
        // Whoever executes listens, from then on.
        let (hub, _) = Hub::telling(Arc::clone(&teller));
        let ports = LanePorts {
            log: Arc::clone(&stores.log),
            queries: Arc::clone(&stores.queries),
            prices: prices.clone(),
            moments: moments.clone(),
            hub: Arc::clone(&hub),
            observer: Observer::new(),
        };
        let (lanes, lane_tasks) = Lanes::start(Arc::new(ports), lane_settings(config, stores.shared));
        let trading = Trading {
            writer: lanes.clone(),
            log: Arc::clone(&stores.log),
            queries: Arc::clone(&stores.queries),
            lists: match &stores.replica {
                Some(replica) => Arc::clone(&replica.lists),
                None => Arc::<dyn TradingQueries>::clone(&stores.queries),
            },
            prices,
            moments: moments.clone(),
            ids: Arc::clone(&ids),
        };
        let paper = Arc::new(PaperBroker::new(REPORTS));
        let rights = ExecutionRights::default();
        let broker_desk: Arc<dyn BrokerDesk> = Arc::new(PaperDesk {
            paper: Arc::clone(&paper),
            rights: rights.clone(),
            writer: lanes.clone(),
            connections: Arc::clone(&stores.brokers),
        });
        let execution = Execution {
            rights: rights.clone(),
            paper: Arc::clone(&paper),
            queries: Arc::clone(&stores.queries),
            connections: Arc::clone(&stores.brokers),
            instruments,
            hub: Arc::clone(&hub),
            calls: Arc::new(BrokerCalls {
                rights: rights.clone(),
                lanes: Arc::clone(&lanes),
                brokers: Arc::clone(&broker_desk),
                moments: moments.clone(),
                ids: Arc::clone(&ids),
                route_bound: Duration::from_millis(config.trading.route_bound_ms),
                settling: SETTLING,
            }),
        };

        // Identity and broker connections.
        let (sessions_ended, _) = broadcast::channel(ENDINGS);
        let news = AccessNews { sessions_ended: sessions_ended.clone(), teller: Arc::clone(&teller) };
        let identity = Arc::new(identity(config, &stores, &keys, &clock, &ids, news)?);
        let currency: Currency = "USD".parse().map_err(|_| StartError::Name)?;
        let brokers = Arc::new(Brokers {
            store: Arc::clone(&stores.brokers),
            secret_box: Arc::new(AesGcmBox::new(&keys)),
            accounts: Arc::new(TradingAccounts {
                writer: lanes.clone(),
                paper: Arc::clone(&paper),
                rights: rights.clone(),
                teller: Arc::clone(&teller),
                users: Arc::clone(&stores.identity),
                ids: Arc::clone(&ids),
            }),
            probe: Arc::new(PaperProbe {
                writer: lanes.clone(),
                brokers: broker_desk,
                rights: rights.clone(),
                market: market.clone(),
            }),
            catalog: Arc::new(Catalog::paper_alone(paper_settings(config, currency))),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
        });
        let welcome = first_start(&identity, &brokers, &config.data.dir).await?;

        // The tasks that run for the life of the process.
        let member = MemberId::new(ids.next());
        if roles.has(Role::Execution) {
            let share = stores.shared.then(|| {
                let (store, done) = (Arc::clone(&stores.shards), Shutdown::default());
                let (name, times) = (Role::Execution.as_str(), ShardTimes::default());
                let (keeper, held) = ShardKeeper::new(store, name, member, EXECUTION_SHARDS, times);
                tasks.spawn("shards of execution", keeper.run(done.clone()));
                Share { held, done }
            });
            tasks.spawn("execution", execution.run(share, shutdown.clone()));
        }
        let risk_group = kafka.filter(|_| roles.has(Role::Risk)).map(|(topics, dead_letters)| RiskGroup {
            topics: Arc::clone(topics),
            dead_letters,
            instance: config.kafka.group_instance.clone(),
            configured: config.kafka.partitions,
            state: GroupState::default(),
        });
        let risk_health = risk_group.as_ref().map(|group| RiskHealth(group.state.clone()));
        if roles.has(Role::Risk) {
            let ports = RiskPorts {
                lanes: Arc::clone(&lanes),
                hub: Arc::clone(&hub),
                queries: Arc::clone(&stores.queries),
                shards: Arc::clone(&stores.shards),
                prices: risk_prices,
                moments: moments.clone(),
                ids: Arc::clone(&ids),
            };
            let risk = Risk { ports, member, is_shared: stores.shared, group: risk_group };
            tasks.spawn("risk", risk.run(shutdown.clone()));
        }
        let (market_parts, market_news) = parts_of(symbols);
        if !stores.shared {
            market_parts.iter().for_each(|part| part.gate.open(None));
        } else if roles.has(Role::MarketData) {
            let (store, name, times) = (Arc::clone(&stores.shards), Role::MarketData.as_str(), ShardTimes::default());
            let (keeper, held) = ShardKeeper::new(store, name, member, MARKET_PARTS, times);
            tasks.spawn("shards of market data", keeper.run(shutdown.clone()));
            for part in &market_parts {
                let right = keep_feed(part.number, held.clone(), times, part.gate.clone(), shutdown.clone());
                tasks.spawn("right to a feed", right);
            }
        }
        if let Some(topics) = &topics {
            tasks.spawn("topics", Arc::clone(topics).prepare(shutdown.clone()));
            tasks.spawn("gauges of Kafka", Arc::clone(topics).watch(shutdown.clone()));
        }
        if let Some(topics) = topics.as_ref().filter(|_| roles.has(Role::Relay)) {
            let (store, count) = (Arc::clone(&stores.shards), config.kafka.partitions);
            let (keeper, held) = ShardKeeper::new(store, Role::Relay.as_str(), member, count, ShardTimes::default());
            tasks.spawn("shards of the relay", keeper.run(shutdown.clone()));
            let ports = RelayPorts {
                log: Arc::clone(&stores.log),
                queries: Arc::clone(&stores.queries),
                marks: Arc::clone(&stores.marks),
                bus: topics.producer("relay"),
                codec: Arc::clone(&topics.codec),
                committed: hub.committed(),
            };
            let relay = Relay::new(ports, held, RelaySettings::default()).run(shutdown.clone());
            tasks.spawn("relay", Arc::clone(topics).then(&RELAYED, relay, shutdown.clone()));
        }
        tasks.spawn("queue gauges", watch_queues(Arc::clone(&lanes), Arc::clone(&paper), shutdown.clone()));
        if let Some(pool) = stores.pool.clone() {
            tasks.spawn("pool gauges", watch_pool(move || pool(), shutdown.clone()));
        }
        tasks.spawn("interrupted connections", Openings(Arc::clone(&brokers)).run(shutdown.clone()));
        let pruning = Pruning { identity: Arc::clone(&identity), brokers: Arc::clone(&brokers) };
        tasks.spawn("pruning", pruning.run(shutdown.clone()));
        let tidying = Tidying {
            store: Arc::clone(&stores.market),
            clock: Arc::clone(&clock),
            keep_days: config.market.retention_days,
        };
        tasks.spawn("tidying", tidying.run(shutdown.clone()));
        let market_hub = Arc::new(MarketHub::new(clock.now()));
        let (changed, changes) = mpsc::channel(CHANGED);
        let (all_ended, mut telling_tasks) = (Shutdown::default(), Tasks::default());
        if let Some(bus) = &peers.bus {
            let heard = PeerNews {
                hub: Arc::clone(&hub),
                rights: rights.clone(),
                lanes: Arc::clone(&lanes),
                identity: Arc::clone(&identity),
                sessions_ended: sessions_ended.clone(),
                hot: Arc::clone(&market.hot),
                market: market_news,
                connections: changed,
            };
            let words = Words::new(PeerSeal::new(&keys), Arc::clone(&clock));
            let telling = Arc::clone(&teller).run(Arc::clone(bus), words.clone(), all_ended.clone());
            telling_tasks.spawn("telling peers", telling);
            let listening = listen(Arc::clone(bus), words, Arc::clone(&teller), Arc::new(heard), shutdown.clone());
            tasks.spawn("hearing peers", listening);
            let books = Books {
                paper: Arc::clone(&paper),
                rights: rights.clone(),
                queries: Arc::clone(&stores.queries),
                connections: Arc::clone(&stores.brokers),
            };
            tasks.spawn("changed connections", books.follow(changes, shutdown.clone()));
        }
        let market_topic = topics.as_ref().map(|topics| {
            // What another one publishes is not published again.
            let told = if config.market.feed == FeedKind::Topic { Told::Alerts } else { Told::Everything };
            let (producer, codec) = (topics.producer("market_data"), Arc::clone(&topics.codec));
            let (market_topic, publishing) = MarketTopic::new(told, producer, codec, Arc::clone(&clock));
            let publishing = publishing.run(shutdown.clone());
            tasks.spawn("topic of the market", Arc::clone(topics).then(told.topics(), publishing, shutdown.clone()));
            market_topic
        });
        let source = Arc::new(source);
        for MarketPart { number, symbols, gate, told, missed } in market_parts {
            let task = MarketTask {
                source: Arc::clone(&source),
                part: number,
                symbols,
                market: market.clone(),
                paper: Arc::clone(&paper),
                gate,
                hub: Arc::clone(&market_hub),
                moments: Arc::clone(&moments),
                teller: Arc::clone(&teller),
                topic: market_topic.clone(),
                told,
                missed,
            };
            tasks.spawn("market data", task.run(shutdown.clone()));
        }

        let instruments = Arc::new(CachedInstruments::new(Arc::clone(&stores.market), Arc::clone(&clock)));
        let desk = StreamDesk {
            trading: trading.clone(),
            hub,
            market: market_hub,
            authenticator: Arc::new(IdentityAuthenticator(Arc::clone(&identity))),
            standing: Arc::new(IdentityStanding(Arc::clone(&identity))),
            open: OpenStreams::new(config.streams.per_user),
            sessions_ended,
            shutdown: shutdown.clone(),
            clock: Arc::clone(&clock),
            settings: stream_settings(config, stores.shared),
        };
        let mut health = HealthChecks::default()
            .with(Arc::new(StoreHealth(Arc::clone(&stores.queries))))
            .with(Arc::new(FeedHealth(market.clone())));
        if let Some(redis) = peers.health() {
            health = health.with(redis);
        }
        if let Some(topics) = topics {
            health = health.with(Arc::new(KafkaHealth(topics)));
        }
        if let Some(risk) = risk_health {
            health = health.with(Arc::new(risk));
        }
        let replica = stores.replica.map(|replica| replica.watched);
        if let Some(replica) = &replica {
            health = health.with(Arc::new(ReplicaHealth(Arc::clone(replica))));
            tasks.spawn("read replica", watch_replica(Arc::clone(replica), shutdown.clone()));
        }
        Ok(Self {
            welcome,
            intake: Intake { trading, instruments: instruments.clone() },
            identity,
            brokers,
            paper,
            instruments,
            market,
            desk,
            clock,
            ids,
            health,
            limits: peers.limits,
            replica,
            shutdown,
            lanes,
            lane_tasks,
            tasks,
            all_ended,
            telling_tasks,
        })
    }

    /// What the HTTP edge is made with.
    #[must_use]
    pub fn edge_ports(&self) -> EdgePorts {
        EdgePorts {
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            authenticator: Arc::clone(&self.desk.authenticator),
            health: self.health.clone(),
            shutdown: self.shutdown.clone(),
            limits: self.limits.clone(),
            replica: self.replica.clone(),
        }
    }

    /// Registers what handlers ask for.
    pub fn wire(&self) -> impl Fn(&mut ServiceConfig) + Clone + Send + use<> {
        let trading = Data::new(self.intake.trading.clone());
        let intake = Data::new(self.intake.clone());
        let identity = Data::from(Arc::clone(&self.identity));
        let brokers = Data::from(Arc::clone(&self.brokers));
        let market = Data::new(self.market.clone());
        let past: Arc<dyn PastPrices> = Arc::new(CandlePrices(self.market.clone()));
        let past = Data::from(past);
        let paper = Data::from(Arc::clone(&self.paper));
        let instruments = Data::from(Arc::clone(&self.instruments));
        let desk = Data::new(self.desk.clone());
        move |app| {
            app.app_data(trading.clone())
                .app_data(intake.clone())
                .app_data(identity.clone())
                .app_data(brokers.clone())
                .app_data(market.clone())
                .app_data(past.clone())
                .app_data(paper.clone())
                .app_data(instruments.clone())
                .app_data(desk.clone());
        }
    }

    /// Returns when a task has ended that lives as long as the process does.
    pub async fn broken(&mut self) -> TaskEnded {
        tokio::select! {
            Some(ended) = self.tasks.next_ended() => ended,
            Some(ended) = self.telling_tasks.next_ended() => ended,
            Some(_) = self.lane_tasks.join_next() => TaskEnded("a lane of accounts"),
            else => TaskEnded("every task"),
        }
    }

    /// Waits until the tasks have ended, which they do once the shutdown has begun. Commands that were taken in are
    /// decided and durable then, and other processes were told of them if they could be.
    pub async fn end(self) {
        let Self { mut tasks, mut lane_tasks, lanes, all_ended, mut telling_tasks, .. } = self;
        while tasks.next_ended().await.is_some() {}
        // Others may still hold them; they finish what waits and end.
        lanes.close();
        while lane_tasks.join_next().await.is_some() {}
        all_ended.begin();
        while telling_tasks.next_ended().await.is_some() {}
    }
}

fn identity(
    config: &Config,
    stores: &Stores,
    keys: &KeyRing,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn Ids>,
    news: AccessNews,
) -> Result<Identity, StartError> {
    let binding =
        TokenBinding { audience: "velox".to_owned(), environment: config.auth.environment.as_str().to_owned() };
    let ports = IdentityPorts {
        store: Arc::clone(&stores.identity),
        hasher: Arc::new(BcryptHasher::new(keys, BcryptConfig::default())?),
        signer: Arc::new(PasetoSigner::new(keys, &binding)),
        secrets: Arc::new(KeyedSecrets::new(keys)),
        access_listener: Arc::new(news),
        clock: Arc::clone(clock),
        ids: Arc::clone(ids),
    };
    Ok(Identity::new(ports, identity_settings(&config.auth)))
}
