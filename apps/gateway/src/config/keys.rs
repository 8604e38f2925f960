//! The table of keys: one line a key. The typed [`Config`], the reference and the schema are made from it.

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use velox_feed_replay::Speed;
use velox_kernel::Decimal;
use velox_messages::TopicNames;

use super::collector::{CollectorHeaders, CollectorUrl};
use super::kafka::{CompactedTopics, JsonTopics, RegistryUrl};
use super::roles::Roles;
use super::secret::{DatabaseUrl, Password, RedisUrl};
use super::setting::Check::{Any, Between, UpTo, Within, Words};
use super::setting::{Key, Setting, words};

words! {
    /// How log lines look.
    LogFormat {
        /// Pretty on a terminal, JSON otherwise.
        Auto = "auto",
        /// For people.
        Pretty = "pretty",
        /// One JSON object a line.
        Json = "json",
    }
    /// Which environment tokens and keys are bound to.
    AuthEnvironment {
        /// Orders reach real brokers.
        Live = "live",
        /// Orders stay on paper.
        Paper = "paper",
    }
    /// How batches for Kafka are compressed.
    KafkaCompression {
        /// Not.
        None = "none",
        /// LZ4.
        Lz4 = "lz4",
        /// Zstandard.
        Zstd = "zstd",
        /// Snappy.
        Snappy = "snappy",
        /// Gzip.
        Gzip = "gzip",
    }
    /// How Velox says to Kafka who it is.
    KafkaSasl {
        /// Not.
        None = "none",
        /// With the password as it is.
        Plain = "plain",
        /// By SCRAM with SHA-256.
        ScramSha256 = "scram-sha-256",
        /// By SCRAM with SHA-512.
        ScramSha512 = "scram-sha-512",
    }
    /// Where market data comes from.
    FeedKind {
        /// The bundled real bars, shifted onto the present and walked tick by tick.
        Demo = "demo",
        /// Bars from a file.
        Replay = "replay",
        /// A seeded random walk.
        Simulated = "simulated",
        /// The topic of the market, on which another processor publishes it.
        Topic = "topic",
        /// Nowhere.
        None = "none",
    }
}

macro_rules! config {
    ($($(#[$about:meta])* $section:ident: $struct:ident {
        $($name:ident: $type:ty = $default:literal, $unit:literal, $check:expr, $doc:literal;)*
    })*) => {
        $(
            $(#[$about])*
            #[derive(Clone, Debug)]
            pub struct $struct {
                $(#[doc = $doc] pub $name: $type,)*
            }
        )*

        /// The whole configuration, typed.
        #[derive(Clone, Debug)]
        pub struct Config {
            $($(#[$about])* pub $section: $struct,)*
        }

        /// Every key, in the order of the reference.
        pub const KEYS: &[Key] = &[$($(
            Key {
                section: stringify!($section),
                name: stringify!($name),
                doc: $doc,
                default: $default,
                unit: $unit,
                check: $check,
                json_type: <$type as Setting>::JSON_TYPE,
                secret: <$type as Setting>::SECRET,
            },
        )*)*];

        impl Config {
            /// Reads every key through `text`, which answers with the key's text as it stands in its source.
            pub(super) fn read<E>(
                text: impl Fn(&'static str, &'static str) -> String,
                fail: impl Fn(&'static str, &'static str, String) -> E,
            ) -> Result<Self, E> {
                Ok(Self {
                    $($section: $struct {
                        $($name: {
                            let (section, name) = (stringify!($section), stringify!($name));
                            <$type as Setting>::read(&text(section, name)).map_err(|wrong| fail(section, name, wrong))?
                        },)*
                    },)*
                })
            }
        }
    };
}

config! {
    /// Where the server listens, and what it takes.
    server: ServerConfig {
        bind: IpAddr = "127.0.0.1", "", Any, "The address to listen on. `0.0.0.0` opens the server to the network.";
        port: u16 = "3000", "", Within(0, 65_535), "The port to listen on; 0 takes a free one.";
        workers: usize = "0", "threads", Within(0, 1_024), "Threads that serve HTTP; 0 is one a core.";
        max_connections: usize = "25000", "connections", Within(1, 1_000_000), "Connections that may be open at once.";
        max_body_bytes: usize = "65536", "bytes", Within(1_024, 104_857_600), "The largest body of a request.";
        head_timeout_ms: u64 = "5000", "ms", Within(100, 600_000), "How long a request's head may take to arrive.";
        body_timeout_ms: u64 = "10000", "ms", Within(100, 600_000), "How long a request's body may take to arrive.";
        request_timeout_ms: u64 = "30000", "ms", Within(100, 600_000), "How long an answer may take.";
        keep_alive_ms: u64 = "75000", "ms", Within(100, 3_600_000), "How long an idle connection is kept open.";
        drain_ms: u64 = "10000", "ms", Within(0, 600_000), "How long requests in flight may take to finish on shutdown.";
        trusted_proxies: Vec<IpNet> = "", "", Any, "Proxies in front of the server, as addresses or networks such as 10.0.0.0/8: their `X-Forwarded-For` says who sent a request.";
        cors_origins: Vec<String> = "", "", Any, "Origins whose pages may call the API from a browser; `*` is all.";
    }
    /// How much a caller may ask.
    limits: LimitsConfig {
        requests_per_minute: u64 = "12000", "requests/min", Within(0, 60_000_000), "Requests of one user, or of one address before sign-in (of IPv6 the network of 64 bits); 0 is no limit.";
        orders_per_minute: u64 = "6000", "requests/min", Within(0, 60_000_000), "Orders, changes and cancels of one user; 0 is no limit.";
        logins_per_minute: u64 = "10", "requests/min", Within(0, 60_000_000), "Attempts to sign in from one address (of IPv6 the network of 64 bits); 0 is no limit.";
        gateways: u64 = "1", "processes", Within(1, 10_000), "Gateways that share the installation: while Redis is away, or none is configured, each allows its share of every limit.";
        callers: usize = "100000", "callers", Within(16, 10_000_000), "Callers that each limit remembers; beyond it newcomers share one count.";
    }
    /// What this process does.
    process: ProcessConfig {
        roles: Roles = "all", "", Any, "The roles it plays: some of gateway, execution, market-data, risk and relay, by commas, or all. Processes that play only some share a PostgreSQL database.";
    }
    /// What is kept on this machine.
    data: DataConfig {
        dir: PathBuf = "./velox-data", "", Any, "The directory of the embedded database, the keys and the first sign-in.";
    }
    /// The database.
    database: DatabaseConfig {
        url: DatabaseUrl = "", "", Any, "`postgres://user:password@host/name?sslmode=verify-full`; empty uses the embedded database in `data.dir`. `sslmode` is one of disable, prefer (the default), require, verify-ca, verify-full; `sslrootcert` names a file of trusted certificates.";
        read_url: DatabaseUrl = "", "", Any, "A streaming replica of the PostgreSQL at `database.url`, in the same form: lists of accounts, orders, trades and candles are read there when it is new enough.";
        read_max_lag_ms: u64 = "2000", "ms", Within(1, 3_600_000), "How far behind such a replica may be for whoever names the position that they have seen (`Velox-Position`).";
        pool_size: usize = "8", "connections", Within(1, 1_000), "Connections to PostgreSQL, or readers of the embedded database.";
        wait_ms: u64 = "2000", "ms", Within(1, 600_000), "How long work waits for a free connection to PostgreSQL; then it is refused with 503.";
        connect_timeout_ms: u64 = "5000", "ms", Within(1, 600_000), "How long a new connection to PostgreSQL may take.";
        statement_timeout_ms: u64 = "10000", "ms", Within(10, 600_000), "How long a statement on PostgreSQL may take, here and there (`statement_timeout`).";
        idle_in_transaction_timeout_ms: u64 = "2000", "ms", Within(10, 600_000), "How long PostgreSQL lets a transaction stand idle (`idle_in_transaction_session_timeout`) before it ends the session.";
    }
    /// Redis, which gateways that share a database count requests in and wake each other through. Nothing is lost with it.
    redis: RedisConfig {
        url: Option<RedisUrl> = "", "", Any, "`redis://user:password@host:6379/0`, or `rediss://` for TLS; empty does without.";
        prefix: String = "velox", "", Any, "What every key and channel begins with, so that installations may share a server.";
        timeout_ms: u64 = "50", "ms", Within(1, 10_000), "How long an answer may take before the request goes on without.";
    }
    /// Kafka, to whose topics everything that happens is published. No request waits for it, and nothing is lost with it.
    kafka: KafkaConfig {
        brokers: Vec<String> = "", "", Any, "Some of the brokers, as `host:port`, by commas; empty does without Kafka.";
        topic_prefix: TopicNames = "velox", "", Any, "What every topic begins with: `velox` makes `velox.orders.v1`.";
        registry_url: Option<RegistryUrl> = "", "", Any, "The Schema Registry for topics in Avro, as `http://user:password@host:8081`, with the path where it has one.";
        json_topics: JsonTopics = "", "", Any, "Topics that are written in JSON instead of Avro, such as `orders,alerts`; `all` is every one, and needs no registry.";
        tls: bool = "false", "", Any, "Whether connections to Kafka are encrypted, and the brokers' certificates checked.";
        ca_file: Option<PathBuf> = "", "", Any, "A file of trusted certificates; unset, the system's.";
        sasl: KafkaSasl = "none", "", Words(KafkaSasl::WORDS), "How Velox says who it is.";
        sasl_user: String = "", "", Any, "The name for that.";
        sasl_password: Password = "", "", Any, "The password for that.";
        timeout_ms: u64 = "10000", "ms", Within(1_000, 300_000), "How long records may take to be acknowledged before they are published again.";
        compression: KafkaCompression = "lz4", "", Words(KafkaCompression::WORDS), "How batches are compressed.";
        linger_ms: u64 = "0", "ms", Within(0, 10_000), "How long a record waits for others to share its batch, beside those that are handed over with it.";
        batch_bytes: usize = "262144", "bytes", Within(1_024, 16_777_216), "The largest batch.";
        partitions: u32 = "12", "partitions", Within(1, 1_024), "Into how many partitions a new topic is cut, and into how many shards the work of the relays, and that of risk while Kafka has not said how its topic is cut. The same in every process.";
        replication: u32 = "0", "brokers", Within(0, 32), "On how many brokers a new topic is kept; 0 leaves it to the cluster.";
        min_in_sync: u32 = "0", "brokers", Within(0, 32), "How many of them must have a record before it is acknowledged, on a new topic; 0 leaves it to the cluster.";
        group_instance: String = "", "", Any, "A name that no other process has, such as the host's: after a restart the process finds its part of a group's work again, without the others sharing it anew. Empty: it joins as somebody new.";
        retention_days: u32 = "7", "days", Within(0, 36_500), "How long a new topic keeps its records; 0 is for ever.";
        compacted_topics: CompactedTopics = "", "", Any, "Topics that keep the newest record of each key for ever and no older ones, when they are new, such as `alerts`; the others keep all for `kafka.retention_days`.";
    }
    /// What is written about what happens.
    log: LogConfig {
        format: LogFormat = "auto", "", Words(LogFormat::WORDS), "How lines look; `auto` is pretty on a terminal and JSON otherwise.";
        filter: String = "info,actix_server=warn,librdkafka=error", "", Any, "What is logged, such as `info,velox::http=debug` (tracing's EnvFilter).";
    }
    /// Traces and figures for an OpenTelemetry collector, by OTLP over HTTP.
    telemetry: TelemetryConfig {
        otlp_endpoint: Option<CollectorUrl> = "", "", Any, "The collector, such as `http://127.0.0.1:4318`; `/v1/traces` and `/v1/metrics` are added. Empty sends nothing.";
        otlp_headers: CollectorHeaders = "", "", Any, "Headers of every request to it, such as `authorization=Bearer …,x-tenant=velox`.";
        service_name: String = "velox", "", Any, "What the collector knows this service as.";
        sample_ratio: Decimal = "1", "", UpTo("1"), "The share of requests that begin a trace. One that comes with a `traceparent` does as that says.";
        timeout_ms: u64 = "5000", "ms", Within(100, 60_000), "How long the collector may take to answer. No request waits for it.";
        metrics_every_ms: u64 = "60000", "ms", Within(100, 3_600_000), "How often figures are sent.";
    }
    /// Secrets.
    secrets: SecretsConfig {
        keys_file: Option<PathBuf> = "", "", Any, "The file of this installation's keys, readable by its user alone. Unset, it is `keys.json` in `data.dir`, made on the first start.";
    }
    /// Signing in.
    auth: AuthConfig {
        registration: bool = "false", "", Any, "Whether anybody may register.";
        access_ttl_s: u64 = "600", "s", Within(30, 600), "How long an access token lives.";
        refresh_ttl_days: u32 = "30", "days", Within(1, 365), "How long a sign-in lives without being used.";
        session_ttl_days: u32 = "90", "days", Within(1, 3_650), "How long a sign-in lives at most, however often it is used.";
        environment: AuthEnvironment = "paper", "", Words(AuthEnvironment::WORDS), "What tokens are bound to: one environment's are worth nothing in the other.";
    }
    /// Market data.
    market: MarketConfig {
        feed: FeedKind = "demo", "", Words(FeedKind::WORDS), "Where market data comes from.";
        speed: Speed = "1", "times", Between("0.001", "10000", 3), "How fast the demo or a replay runs, against wall time. The other feeds run at wall time whatever it says.";
        seed: u64 = "1", "", Any, "The seed of simulated prices and of the path within a bar.";
        replay_path: Option<PathBuf> = "", "", Any, "The file of bars to replay.";
        stale_after_ms: u64 = "15000", "ms", Within(100, 86_400_000), "The age, in the feed's time, from which a price is stale.";
        retention_days: u32 = "0", "days", Within(0, 36_500), "How long candles of every timeframe are kept; 0 is for ever. Older ones are deleted within an hour of growing too old (on PostgreSQL a whole partition at a time), for good.";
    }
    /// Orders.
    trading: TradingConfig {
        queue_capacity: usize = "4096", "commands", Within(1, 1_000_000), "Commands that may wait; beyond it a request is refused with 503.";
        max_batch: usize = "256", "commands", Within(1, 10_000), "Commands that may share a commit.";
        route_bound_ms: u64 = "5000", "ms", Within(100, 600_000), "The age from which an order that was not routed expires.";
    }
    /// WebSocket and Server-Sent Events.
    streams: StreamsConfig {
        queue_capacity: usize = "1024", "messages", Within(256, 1_000_000), "Messages that may wait for one connection.";
        heartbeat_ms: u64 = "10000", "ms", Within(100, 600_000), "The longest silence on a connection.";
        per_user: usize = "32", "streams", Within(1, 1_000_000), "Streams that one user may have open at once, over both transports together.";
    }
    /// The paper broker.
    paper: PaperConfig {
        fee_bps: Decimal = "5", "bp", UpTo("1000"), "The fee of a fill on a new paper connection that names none, in hundredths of a percent of its value.";
        slippage_bps: Decimal = "1", "bp", UpTo("1000"), "How much worse than the market's price such a connection fills a market order.";
        latency_ms: u32 = "20", "ms", Within(0, 60_000), "How long an order of such a connection is on its way.";
    }
}
