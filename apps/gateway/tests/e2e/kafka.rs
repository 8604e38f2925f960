//! Kafka and the Schema Registry of the tests, a Kafka of one test that may kill it, and what is on the topics.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::time::Instant;
use velox_kafka::{
    Begin, GroupNews, KafkaCluster, KafkaOptions, KafkaProducer, KafkaSecurity, Sasl, SaslMechanism, TopicRecord,
    join_group, read_topic,
};
use velox_kernel::{AccountId, BusRecord, EventBus, Ids, Timestamp};
use velox_messages::headers::{CONTENT_TYPE, CONTENT_TYPE_AVRO, CONTENT_TYPE_JSON, EVENT_ID};
use velox_messages::{
    Alert, Codec, Formats, Message, OrderEvent, PositionEvent, SchemaRegistry as _, Topic, TopicNames,
};
use velox_schema_registry::{HttpRegistry, RegistryDeadlines};
use velox_testkit::TestClock;
use velox_testkit::trading::FreshIds;

use crate::audit::{Books, number, text};
use crate::nginx::free_port;
use crate::own_registry::OwnRegistry;
use crate::toxiproxy::Toxiproxy;
use crate::waiting::{PATIENCE, wait_for};

/// How long nothing new may come before a topic counts as read to its end.
const SILENCE: Duration = Duration::from_secs(2);

/// The header of what a test puts on a topic though it is no message.
const SPOILT: &str = "spoilt";

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests with `cargo xtask test`"))
}

/// Topics of an installation of its own, on some Kafka.
#[derive(Clone)]
pub(crate) struct Topics {
    brokers: String,
    registry: String,
    prefix: String,
    /// On how many brokers they are kept.
    replicas: usize,
    security: KafkaSecurity,
}

impl Topics {
    /// Topics on the Kafka of the tests.
    pub(crate) fn new() -> Self {
        Self::on(&variable("VELOX_TEST_KAFKA_BROKERS"))
    }

    /// Topics on another Kafka.
    pub(crate) fn on(brokers: &str) -> Self {
        Self {
            brokers: brokers.to_owned(),
            registry: variable("VELOX_TEST_SCHEMA_REGISTRY_URL"),
            prefix: format!("e2e-{}", FreshIds.next().simple()),
            replicas: 1,
            security: KafkaSecurity::default(),
        }
    }

    /// The same, where it is asked who speaks.
    pub(crate) fn speaking_as(&self, security: &KafkaSecurity) -> Self {
        Self { security: security.clone(), ..self.clone() }
    }

    /// How to speak to the cluster.
    pub(crate) fn options(&self) -> KafkaOptions {
        KafkaOptions { security: self.security.clone(), ..KafkaOptions::new(&self.brokers) }
    }

    /// How the topics are written.
    pub(crate) fn codec(&self) -> Codec {
        let clock = Arc::new(TestClock::default());
        Codec::new(self.names(), Formats::default(), Some(Arc::new(self.schemas())), clock).unwrap()
    }

    fn names(&self) -> TopicNames {
        TopicNames::new(&self.prefix).unwrap()
    }

    fn schemas(&self) -> HttpRegistry {
        HttpRegistry::new(&SecretString::from(self.registry.as_str()), RegistryDeadlines::default()).unwrap()
    }

    /// Registers a schema for a topic that Velox's own can never follow.
    pub(crate) fn take_the_schema_of(&self, topic: Topic) {
        let schema = r#"{"type":"record","name":"Another","fields":[{"name":"x","type":"long"}]}"#;
        let subject = self.names().subject(topic);
        Runtime::new().unwrap().block_on(self.schemas().register(&subject, schema)).unwrap();
    }

    /// Whether the market's topic is there.
    pub(crate) fn has_market(&self) -> bool {
        let cluster = KafkaCluster::new(&self.options()).unwrap();
        let asked = Runtime::new().unwrap().block_on(cluster.partitions(&self.names().topic(Topic::MarketData)));
        asked.is_ok_and(|partitions| partitions.is_some())
    }

    /// The same, whose schemas' registry is reached by a way that `way` makes to its address; and this way.
    pub(crate) fn with_registry_behind(self, way: impl FnOnce(&str) -> Toxiproxy) -> (Self, Toxiproxy) {
        let (scheme, rest) = self.registry.split_once("://").expect("a URL");
        let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
        let way = way(address);
        (Self { registry: format!("{scheme}://{}/{path}", way.entry), ..self }, way)
    }

    /// The same, with a registry of their own.
    pub(crate) fn with_own_registry(self) -> (Self, OwnRegistry) {
        let path = self.registry.splitn(4, '/').nth(3).unwrap_or_default();
        let registry = OwnRegistry::start(&format!("/{path}"));
        (Self { registry: format!("http://{}/{path}", registry.address()), ..self }, registry)
    }

    /// The same, kept on so many brokers, one of which may be away.
    pub(crate) fn kept_on(self, replicas: usize) -> Self {
        Self { replicas, ..self }
    }

    /// Lets a command use them.
    pub(crate) fn configure<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let Self { brokers, registry, prefix, replicas, security } = self;
        if let Some(authority) = &security.ca {
            command.env("VELOX_KAFKA_TLS", security.tls.to_string()).env("VELOX_KAFKA_CA_FILE", authority);
        }
        if let Some(Sasl { mechanism, user, password }) = &security.sasl {
            let mechanism = match mechanism {
                SaslMechanism::Plain => "plain",
                SaslMechanism::ScramSha256 => "scram-sha-256",
                SaslMechanism::ScramSha512 => "scram-sha-512",
            };
            command.env("VELOX_KAFKA_SASL", mechanism).env("VELOX_KAFKA_SASL_USER", user);
            command.env("VELOX_KAFKA_SASL_PASSWORD", password.expose_secret());
        }
        command
            .env("VELOX_KAFKA_BROKERS", brokers)
            .env("VELOX_KAFKA_REGISTRY_URL", registry)
            .env("VELOX_KAFKA_TOPIC_PREFIX", prefix)
            .env("VELOX_KAFKA_PARTITIONS", "4")
            .env("VELOX_KAFKA_REPLICATION", replicas.to_string())
            .env("VELOX_KAFKA_MIN_IN_SYNC", replicas.div_ceil(2).to_string())
            .env("VELOX_KAFKA_TIMEOUT_MS", "3000")
            // Brokers take much of a small machine, and a start must not fail for it.
            .env("VELOX_DATABASE_CONNECT_TIMEOUT_MS", "30000")
    }

    /// Waits until every event of these books is on its topics, and checks that the first occurrences are in order, that
    /// none is missing, and that messages say what the log says.
    pub(crate) fn hold(&self, books: &Books, account: &str) {
        self.hold_all(&[(books, account)]);
    }

    /// [`Topics::hold`] for several accounts: each topic is read once.
    pub(crate) fn hold_all(&self, all: &[(&Books, &str)]) {
        let all: Vec<_> = all
            .iter()
            .map(|(books, account)| (account.parse::<AccountId>().unwrap().uuid().to_string(), *books))
            .collect();
        let mut orders = self.read_whole(&all, |_| true, |event: &OrderEvent| event.seq);
        let mut positions = self.read_whole(&all, moves, |event: &PositionEvent| event.seq);
        let mut alerts = self.read_whole(&all, alarms, |alert: &Alert| alert.seq.unwrap_or_default());
        for (key, books) in &all {
            let orders = first_times(&orders.remove(key).unwrap_or_default());
            let positions = first_times(&positions.remove(key).unwrap_or_default());
            let alerts = first_times(&alerts.remove(key).unwrap_or_default());
            say_what_the_log_says(books, &orders, &positions, &alerts);
        }
    }

    /// Puts something on topics, each with a key, that is no message.
    pub(crate) fn spoil(&self, poisons: &[(Topic, &str, &[u8])]) {
        let records = poisons.iter().map(|(topic, key, value)| BusRecord {
            topic: self.names().topic(*topic),
            key: (*key).to_owned(),
            value: value.to_vec().into(),
            headers: vec![(SPOILT, "yes".to_owned())],
            at: Timestamp::from_seconds(1_767_614_400),
        });
        let producer = KafkaProducer::new(self.options());
        Runtime::new().unwrap().block_on(producer.publish(&records.collect::<Vec<_>>())).unwrap();
    }

    /// Waits until each of these was put aside from a topic, which says why. Nothing else may have been.
    pub(crate) fn put_aside(&self, topic: Topic, poisons: &[Vec<u8>]) {
        let letters = self.names().dead_letters(topic);
        let reading = async {
            let mut reader = read_topic(&self.options(), &letters, Begin::Oldest).await.unwrap();
            let mut missing: Vec<&Vec<u8>> = poisons.iter().collect();
            while !missing.is_empty() {
                let letter = reader.next().await.expect("the reader goes on");
                assert!(poisons.contains(&letter.value), "a dead letter of {topic}: {letter:?}");
                assert!(!header(&letter, "dead-letter-reason").is_empty());
                missing.retain(|poison| **poison != letter.value);
            }
        };
        let waiting = async { tokio::time::timeout(PATIENCE, reading).await };
        Runtime::new().unwrap().block_on(waiting).unwrap_or_else(|_| panic!("dead letters of {topic} are missing"));
    }

    /// [`Topics::read`], until it has at least the events of these books that `is_on` it: the sides of a cluster that has
    /// just lost a broker, or of a busy machine, come to speak one after another.
    fn read_whole<M: Message>(
        &self,
        all: &[(String, &Books)],
        is_on: fn(&str) -> bool,
        seq: impl Fn(&M) -> u64,
    ) -> BTreeMap<String, Vec<(u64, M)>> {
        wait_for("the whole topic", PATIENCE, || {
            let told = self.read(&seq);
            let is_whole = |(key, books): &(String, &Books)| {
                let there: BTreeSet<u64> = told.get(key).into_iter().flatten().map(|(seq, _)| *seq).collect();
                there.is_superset(&seqs_of(books, is_on).into_iter().collect())
            };
            all.iter().all(is_whole).then_some(told)
        })
    }

    /// What is on a topic, by key, in order, until nothing more comes.
    fn read<M: Message>(&self, seq: impl Fn(&M) -> u64) -> BTreeMap<String, Vec<(u64, M)>> {
        Runtime::new().unwrap().block_on(async {
            let codec = self.codec();
            let mut found = BTreeMap::<String, Vec<(u64, M)>>::new();
            for record in self.records(M::TOPIC).await {
                if record.headers.iter().any(|(name, _)| name == SPOILT) {
                    continue;
                }
                let message: M = codec.decode(&record.value).await.unwrap();
                assert_eq!(header(&record, EVENT_ID), message.event_id().to_string());
                let key = String::from_utf8(record.key.unwrap()).unwrap();
                found.entry(key).or_default().push((seq(&message), message));
            }
            found
        })
    }

    /// The kinds of the alerts of a symbol.
    pub(crate) fn alerts_of(&self, symbol: &str) -> Vec<String> {
        let mut told = self.read(|alert: &Alert| alert.seq.unwrap_or_default());
        let of_symbol = told.remove(symbol).unwrap_or_default();
        of_symbol.into_iter().map(|(_, alert)| alert.kind.as_ref().to_owned()).collect()
    }

    /// How what is on a topic is written; each record says so of itself.
    pub(crate) fn written(&self, topic: Topic) -> BTreeSet<&'static str> {
        let records = Runtime::new().unwrap().block_on(self.records(topic));
        let written = records.iter().map(|record| {
            // JSON never begins with a zero, and Avro always.
            let written = if record.value.starts_with(&[0]) { CONTENT_TYPE_AVRO } else { CONTENT_TYPE_JSON };
            assert_eq!(header(record, CONTENT_TYPE), written);
            written
        });
        written.collect()
    }

    /// The records of a topic, each partition's in order, until nothing more comes.
    async fn records(&self, topic: Topic) -> Vec<TopicRecord> {
        let topic = TopicNames::new(&self.prefix).unwrap().topic(topic);
        let group = format!("reading-{}", FreshIds.next().simple());
        let mut reader = join_group(&self.options(), &group, &topic, None).unwrap();
        let (mut found, mut begun, mut until) = (Vec::new(), false, Instant::now() + PATIENCE);
        loop {
            match tokio::time::timeout_at(until, reader.next()).await {
                Err(_) if begun => return found,
                Err(_) => panic!("the group of {topic} gave nothing"),
                Ok(Some(GroupNews::Assigned { partitions, place })) => {
                    (begun, until) = (true, Instant::now() + SILENCE);
                    place.send(partitions.into_iter().map(|partition| (partition, Some(0))).collect()).unwrap();
                }
                Ok(Some(GroupNews::Record(record))) => {
                    until = Instant::now() + SILENCE;
                    found.push(record);
                }
                // It is told how it is doing every two seconds: that breaks no silence.
                Ok(Some(GroupNews::Trouble(_) | GroupNews::Lag(_) | GroupNews::Revoked { .. })) => {}
                Ok(None) => panic!("the reader has ended"),
            }
        }
    }
}

/// A header that a record must have.
fn header<'a>(record: &'a TopicRecord, name: &str) -> &'a str {
    let found = record.headers.iter().find(|(of, _)| of == name);
    found.map(|(_, value)| value.as_str()).unwrap_or_else(|| panic!("no header {name}: {:?}", record.headers))
}

/// Messages say what the log says, each event once.
fn say_what_the_log_says(
    books: &Books,
    orders: &[(u64, OrderEvent)],
    positions: &[(u64, PositionEvent)],
    alerts: &[(u64, Alert)],
) {
    assert_eq!(orders.len(), books.events.len(), "as many as the log has");
    for (event, (seq, message)) in books.events.iter().zip(orders) {
        assert_eq!((number(event, "seq"), text(event, "type")), (*seq, message.kind.as_ref()));
    }
    let told = orders.iter().filter_map(|(_, message)| message.order.as_ref());
    let newest: BTreeMap<String, _> = told.map(|order| (order.order_id.to_string(), order)).collect();
    for order in &books.orders {
        let id = text(order, "id").parse::<velox_kernel::OrderId>().unwrap().uuid().to_string();
        let newest = newest.get(&id).expect("it was told of");
        assert_eq!(
            (newest.status.as_ref(), newest.filled_quantity.0.to_string()),
            (text(order, "status"), text(order, "filled_quantity").to_owned())
        );
    }
    assert_eq!(positions.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), seqs_of(books, moves));
    assert_eq!(alerts.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), seqs_of(books, alarms));
}

/// Whether an event of this kind is on the topic of positions.
fn moves(kind: &str) -> bool {
    ["account_opened", "cash_moved", "account_reset", "order_filled"].contains(&kind)
}

/// Whether an event of this kind is on the topic of alerts.
fn alarms(kind: &str) -> bool {
    ["order_denied", "order_unknown", "account_halted", "account_resumed", "limits_changed"].contains(&kind)
}

/// Which events of books are of these kinds.
fn seqs_of(books: &Books, kinds: fn(&str) -> bool) -> Vec<u64> {
    books.events.iter().filter(|event| kinds(text(event, "type"))).map(|event| number(event, "seq")).collect()
}

/// Without what was there before. The first occurrences must come in order.
fn first_times<M: Clone>(told: &[(u64, M)]) -> Vec<(u64, M)> {
    let mut seen = BTreeSet::new();
    let first: Vec<(u64, M)> = told.iter().filter(|(seq, _)| seen.insert(*seq)).cloned().collect();
    assert!(first.is_sorted_by_key(|(seq, _)| *seq), "the first occurrences are not in order");
    first
}

/// A Kafka of one test: some brokers, and their data. Dropping it ends them.
pub(crate) struct OwnKafka {
    folder: PathBuf,
    port: u16,
    brokers: Vec<Option<Child>>,
    /// Of each broker, as `name=value`.
    settings: Vec<String>,
    security: KafkaSecurity,
}

impl OwnKafka {
    /// Starts one of so many brokers on new data.
    pub(crate) fn start(nodes: usize) -> Self {
        Self::launch(Self::new(nodes))
    }

    /// One that does not run yet.
    fn new(nodes: usize) -> Self {
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("velox-e2e-kafka-{}-{port}", std::process::id()));
        let brokers = (0..nodes).map(|_| None).collect();
        Self { folder, port, brokers, settings: vec![], security: KafkaSecurity::default() }
    }

    /// Starts one broker that encrypts, shows a certificate, and asks for a name and a password; gives how to speak to it,
    /// by each mechanism.
    pub(crate) fn guarded() -> (Self, [KafkaSecurity; 3]) {
        let mut kafka = Self::new(1);
        std::fs::create_dir_all(&kafka.folder).unwrap();
        let [authority, server] = ["authority.pem", "server.pem"].map(|name| kafka.folder.join(name));
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "velox test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = Issuer::new(params.clone(), KeyPair::generate().unwrap());
        let key = KeyPair::generate().unwrap();
        let signed = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        std::fs::write(&authority, params.self_signed(issuer.key()).unwrap().pem()).unwrap();
        std::fs::write(&server, key.serialize_pem() + &signed.pem()).unwrap();
        let settings = [
            "listener.security.protocol.map=PLAINTEXT:SASL_SSL,CONTROLLER:PLAINTEXT".to_owned(),
            "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512".to_owned(),
            "sasl.mechanism.inter.broker.protocol=PLAIN".to_owned(),
            "listener.name.plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
             required username=\"broker\" password=\"of-brokers\" user_broker=\"of-brokers\" user_velox=\"of-velox\";"
                .to_owned(),
            "ssl.keystore.type=PEM".to_owned(),
            format!("ssl.keystore.location={}", server.display()),
            "ssl.truststore.type=PEM".to_owned(),
            format!("ssl.truststore.location={}", authority.display()),
        ];
        // The user of SCRAM is one of every cluster that is made here.
        let scram = ["256", "512"].map(|size| {
            let login = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
            format!("listener.name.plaintext.scram-sha-{size}.sasl.jaas.config={login}")
        });
        let security =
            [SaslMechanism::Plain, SaslMechanism::ScramSha256, SaslMechanism::ScramSha512].map(|mechanism| {
                let (user, password) = ("velox".to_owned(), SecretString::from("of-velox"));
                let sasl = Some(Sasl { mechanism, user, password });
                KafkaSecurity { tls: true, ca: Some(authority.clone()), sasl }
            });
        kafka.settings = settings.into_iter().chain(scram).collect();
        kafka.security = security[0].clone();
        (Self::launch(kafka), security)
    }

    /// Starts one broker whose clients come by a way that `way` makes to its address, and that begins at `entry`; gives this
    /// way.
    pub(crate) fn behind<W>(way: impl FnOnce(&str) -> W, entry: impl FnOnce(&W) -> &str) -> (Self, W) {
        let mut kafka = Self::new(1);
        let way = way(&kafka.brokers());
        kafka.settings = vec![format!("advertised.listeners=PLAINTEXT://{}", entry(&way))];
        (Self::launch(kafka), way)
    }

    fn launch(mut kafka: Self) -> Self {
        (0..kafka.brokers.len()).for_each(|place| kafka.spawn(place));
        kafka.wait();
        kafka
    }

    /// Its brokers' addresses, as far as they are chosen: the first one's is from the beginning.
    pub(crate) fn brokers(&self) -> String {
        let chosen = std::fs::read(self.folder.join("ports.json")).ok();
        let ports = chosen.map(|text| serde_json::from_slice::<Value>(&text).unwrap());
        let ports = ports.as_ref().and_then(|ports| ports["brokers"].as_array());
        let Some(brokers) = ports else { return format!("127.0.0.1:{}", self.port) };
        brokers.iter().map(|broker| format!("127.0.0.1:{}", broker["clients"])).collect::<Vec<_>>().join(",")
    }

    /// Kills a broker.
    pub(crate) fn kill(&mut self, place: usize) {
        let mut child = self.brokers[place].take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Stops all brokers, their connections open, or lets them go on.
    pub(crate) fn freeze(&self, frozen: bool) {
        for child in self.brokers.iter().flatten() {
            kill_process(Pid::from_child(child), if frozen { Signal::STOP } else { Signal::CONT }).unwrap();
        }
    }

    /// Starts the brokers that do not run, on their data.
    pub(crate) fn start_again(&mut self) {
        for place in 0..self.brokers.len() {
            if self.brokers[place].is_none() {
                self.spawn(place);
            }
        }
        self.wait();
    }

    fn spawn(&mut self, place: usize) {
        let xtask = std::env::var_os("VELOX_TEST_XTASK").expect("VELOX_TEST_XTASK names no xtask");
        let mut command = Command::new(xtask);
        command.args(["kafka", "--nodes", &self.brokers.len().to_string(), "--port", &self.port.to_string()]);
        command.arg("--data").arg(&self.folder).args(["--become", &format!("broker-{}", place + 1)]);
        command.args(self.settings.iter().flat_map(|setting| ["--set", setting]));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.brokers[place] = Some(command.spawn().unwrap());
    }

    /// Returns once it answers.
    fn wait(&self) {
        let security = self.security.clone();
        let options = KafkaOptions { deadline: Duration::from_secs(2), security, ..KafkaOptions::new(&self.brokers()) };
        let runtime = Runtime::new().unwrap();
        let cluster = KafkaCluster::new(&options).unwrap();
        wait_for("Kafka", PATIENCE, || {
            let look = runtime.block_on(cluster.look(&[])).ok()?;
            (look.brokers == self.brokers.len()).then_some(())
        });
    }
}

impl Drop for OwnKafka {
    fn drop(&mut self) {
        for child in self.brokers.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
