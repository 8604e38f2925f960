//! Messages to bytes and back, and what stands in the way.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use velox_kernel::TraceContext;
use velox_messages::{
    Codec, CodecError, Compatibility, DecodeError, EncodeError, Format, Formats, Message, OrderEvent, RegistryError,
    SchemaId, SchemaRegistry, Signal, Topic, TopicNames, headers,
};
use velox_testkit::TestClock;
use velox_testkit::messages::{Asked, MemoryRegistry};

use crate::samples;

pub(crate) struct Bench {
    pub(crate) registry: Arc<MemoryRegistry>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) codec: Codec,
}

pub(crate) fn codec(registry: &Arc<MemoryRegistry>, clock: &Arc<TestClock>, formats: Formats) -> Codec {
    Codec::new(TopicNames::default(), formats, Some(registry.clone()), clock.clone()).unwrap()
}

pub(crate) async fn bench(formats: Formats) -> Bench {
    let (registry, clock) = (Arc::new(MemoryRegistry::default()), Arc::new(TestClock::default()));
    let codec = codec(&registry, &clock, formats);
    codec.register(&Topic::ALL).await.unwrap();
    Bench { registry, clock, codec }
}

async fn comes_back<M: Message + PartialEq + std::fmt::Debug>(codec: &Codec, messages: &[M]) {
    for message in messages {
        let bytes = codec.encode(message).unwrap();
        assert_eq!(&codec.decode::<M>(&bytes).await.unwrap(), message);
    }
}

#[tokio::test]
async fn every_message_comes_back_in_both_formats() {
    for format in [Format::Avro, Format::Json] {
        let bench = bench(Formats::all(format)).await;
        comes_back(&bench.codec, &samples::market_data()).await;
        comes_back(&bench.codec, &samples::indicator_values()).await;
        comes_back(&bench.codec, &samples::signals()).await;
        comes_back(&bench.codec, &samples::order_events()).await;
        comes_back(&bench.codec, &samples::position_events()).await;
        comes_back(&bench.codec, &samples::alerts()).await;
        comes_back(&bench.codec, &samples::strategy_events()).await;
        assert_eq!(bench.registry.asked().schema, 0, "what is written here is known here");
    }
}

#[tokio::test]
async fn a_record_has_its_key_and_headers() {
    let bench = bench(Formats::default().with(Topic::Signals, Format::Json)).await;
    let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
    let [event, _] = samples::order_events();
    let record = bench.codec.record(&event, Some(trace)).unwrap();
    assert_eq!((record.topic, record.key.as_str()), (Topic::Orders, "01900000-0000-7000-8000-000000000002"));
    assert_eq!(
        record.headers,
        [
            (headers::EVENT_ID, "01900000-0000-7000-8000-000000000001".to_owned()),
            (headers::CONTENT_TYPE, headers::CONTENT_TYPE_AVRO.to_owned()),
            (headers::TRACEPARENT, trace.to_string()),
        ]
    );
    assert_eq!(record.value[0], 0);
    let [signal, _] = samples::signals();
    let record = bench.codec.record(&signal, None).unwrap();
    assert_eq!(record.headers[1..], [(headers::CONTENT_TYPE, headers::CONTENT_TYPE_JSON.to_owned())]);
    let json: serde_json::Value = serde_json::from_slice(&record.value).unwrap();
    assert_eq!((&json["target_quantity"], &json["at"]), (&"-0.5".into(), &"2026-01-05T12:00:00Z".into()));
}

#[tokio::test]
async fn registers_every_avro_topic_under_its_subject_and_only_once() {
    let bench = bench(Formats::default().with(Topic::Alerts, Format::Json)).await;
    let all = Asked { register: 6, schema: 0, set_compatibility: 6 };
    assert_eq!(bench.registry.asked(), all);
    bench.codec.register(&Topic::ALL).await.unwrap();
    assert_eq!(bench.registry.asked(), all, "what is done is not done again");
    assert_eq!(bench.registry.rule("velox.orders.v1-value"), Some(Compatibility::FullTransitive));
    assert_eq!(bench.registry.rule("velox.alerts.v1-value"), None);
}

#[tokio::test]
async fn a_registry_that_knows_subjects_only_with_a_schema_gets_the_rule_afterwards() {
    let (registry, clock) = (Arc::new(MemoryRegistry::default()), Arc::new(TestClock::default()));
    registry.take_rules_of_known_subjects_only();
    codec(&registry, &clock, Formats::default()).register(&Topic::ALL).await.unwrap();
    for topic in Topic::ALL {
        let subject = TopicNames::default().subject(topic);
        assert_eq!(registry.rule(&subject), Some(Compatibility::FullTransitive), "{subject}");
    }
}

#[tokio::test]
async fn while_the_registry_is_away_what_is_registered_goes_on_and_the_rest_waits() {
    let (registry, clock) = (Arc::new(MemoryRegistry::default()), Arc::new(TestClock::default()));
    let codec = codec(&registry, &clock, Formats::default());
    let [event, _] = samples::order_events();
    registry.set_away(true);
    let error = codec.register(&Topic::ALL).await.unwrap_err();
    assert!(error.is_away() && error.0.len() == Topic::ALL.len(), "{error}");
    let expected = "schemas are not registered: market-data, indicators, signals, orders, positions, alerts, strategies: the schema registry is away: as the test wants it";
    assert_eq!(error.to_string(), expected, "what is the same of all is said once");
    assert_eq!(codec.encode(&event), Err(EncodeError::NotRegistered(Topic::Orders)));

    registry.set_away(false);
    codec.register(&Topic::ALL).await.unwrap();
    registry.set_away(true);
    let bytes = codec.encode(&event).unwrap();
    assert_eq!(codec.decode::<OrderEvent>(&bytes).await.unwrap(), event);
}

#[tokio::test]
async fn a_topic_whose_schema_is_refused_stands_in_no_others_way() {
    let (registry, clock) = (Arc::new(MemoryRegistry::default()), Arc::new(TestClock::default()));
    let subject = "velox.market-data.v1-value";
    registry.put(subject, r#"{"type":"record","name":"MarketData","fields":[{"name":"x","type":"long"}]}"#).unwrap();
    let codec = codec(&registry, &clock, Formats::default());
    let error = codec.register(&Topic::ALL).await.unwrap_err();
    assert!(matches!(error.0.as_slice(), [(Topic::MarketData, RegistryError::Incompatible(_))]), "{error}");
    assert!(!error.is_away());
    assert!(codec.register(&[Topic::Orders, Topic::Alerts]).await.is_ok(), "nor in that of who asks for others");
    assert!(codec.can_write(Topic::Orders) && !codec.can_write(Topic::MarketData));
    assert!(codec.encode(&samples::order_events()[0]).is_ok());
    assert!(matches!(codec.encode(&samples::market_data()[0]), Err(EncodeError::NotRegistered(Topic::MarketData))));
}

#[tokio::test]
async fn a_registry_that_cannot_do_one_subject_now_registers_the_others() {
    for overcome_by in Topic::ALL {
        let (registry, clock) = (Arc::new(MemoryRegistry::default()), Arc::new(TestClock::default()));
        registry.is_overcome_by(&TopicNames::default().subject(overcome_by));
        let codec = codec(&registry, &clock, Formats::default());
        let error = codec.register(&Topic::ALL).await.unwrap_err();
        assert!(matches!(error.0.as_slice(), [(topic, RegistryError::Away(_))] if *topic == overcome_by), "{error}");
        for topic in Topic::ALL {
            assert_eq!(codec.can_write(topic), topic != overcome_by, "{topic} beside {overcome_by}");
        }
    }
}

/// A registry that nobody reaches.
struct Unreachable;

impl Unreachable {
    const DEADLINE: Duration = Duration::from_secs(5);

    async fn answer<T>() -> Result<T, RegistryError> {
        tokio::time::sleep(Self::DEADLINE).await;
        Err(RegistryError::Away("no answer came".to_owned()))
    }
}

#[async_trait]
impl SchemaRegistry for Unreachable {
    async fn register(&self, _: &str, _: &str) -> Result<SchemaId, RegistryError> {
        Self::answer().await
    }

    async fn schema(&self, _: SchemaId) -> Result<String, RegistryError> {
        Self::answer().await
    }

    async fn set_compatibility(&self, _: &str, _: Compatibility) -> Result<(), RegistryError> {
        Self::answer().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_nobody_reaches_costs_its_deadline_once() {
    let clock = Arc::new(TestClock::default());
    let codec = Codec::new(TopicNames::default(), Formats::default(), Some(Arc::new(Unreachable)), clock).unwrap();
    let begun = tokio::time::Instant::now();
    let error = codec.register(&Topic::ALL).await.unwrap_err();
    assert_eq!((error.0.len(), begun.elapsed()), (Topic::ALL.len(), Unreachable::DEADLINE));
}

#[tokio::test]
async fn a_stranger_asks_for_a_schema_once_however_many_wait_and_then_never_again() {
    let Bench { registry, clock, codec: ours } = bench(Formats::default()).await;
    let [event, _] = samples::order_events();
    let bytes = ours.encode(&event).unwrap();
    let stranger = codec(&registry, &clock, Formats::default());
    registry.hold_answers(true);
    let mut waiting: FuturesUnordered<_> = (0..10).map(|_| stranger.decode::<OrderEvent>(&bytes)).collect();
    assert!(futures_util::poll!(waiting.next()).is_pending(), "all of them have asked, and wait");
    assert_eq!(registry.asked().schema, 1);
    // Whoever gives up takes the answer from nobody.
    let given_up = stranger.decode::<OrderEvent>(&bytes);
    assert!(futures_util::poll!(Box::pin(given_up)).is_pending());
    registry.hold_answers(false);
    while let Some(read) = waiting.next().await {
        assert_eq!(read.unwrap(), event);
    }
    registry.set_away(true);
    clock.advance(Duration::from_secs(1_000_000));
    assert_eq!(stranger.decode::<OrderEvent>(&bytes).await.unwrap(), event);
    assert_eq!(registry.asked().schema, 1);
}

#[tokio::test]
async fn a_registry_that_is_away_is_no_fault_of_the_record() {
    let Bench { registry, clock, codec: ours } = bench(Formats::default()).await;
    let bytes = ours.encode(&samples::signals()[0]).unwrap();
    let stranger = codec(&registry, &clock, Formats::default());
    registry.set_away(true);
    for _ in 0..2 {
        let away = stranger.decode::<Signal>(&bytes).await;
        assert!(matches!(away, Err(DecodeError::RegistryAway(_))), "{away:?}");
    }
    registry.set_away(false);
    assert_eq!(stranger.decode::<Signal>(&bytes).await.unwrap(), samples::signals()[0]);
    assert_eq!(registry.asked().schema, 3, "an answer that nobody gave is not kept");
}

#[tokio::test]
async fn an_id_that_nobody_knows_is_unreadable_and_asked_for_again_after_a_while() {
    let Bench { registry, clock, codec } = bench(Formats::default()).await;
    let next = u32::try_from(Topic::ALL.len()).unwrap() + 1;
    let mut bytes = codec.encode(&samples::signals()[0]).unwrap().to_vec();
    bytes[1..5].copy_from_slice(&next.to_be_bytes());
    for _ in 0..3 {
        let error = codec.decode::<Signal>(&bytes).await.unwrap_err();
        assert_eq!(error, DecodeError::Unreadable(format!("schema {next}: the registry does not know it")));
    }
    assert_eq!(registry.asked().schema, 1);
    // Its writer was a little faster than the registry.
    let newer = Topic::Signals.schema().replace("What a strategy wants", "Anything a strategy wants");
    registry.put("velox.signals.v1-value", &newer).unwrap();
    clock.advance(Duration::from_secs(5));
    assert_eq!(codec.decode::<Signal>(&bytes).await.unwrap(), samples::signals()[0]);
}

#[tokio::test]
async fn a_writer_that_means_another_unit_is_not_believed() {
    let Bench { registry, codec, .. } = bench(Formats::default()).await;
    let bytes = codec.encode(&samples::signals()[0]).unwrap();
    for (was, is, field) in
        [("timestamp-micros", "timestamp-millis", "at"), (r#""decimal""#, r#""money""#, "target_quantity")]
    {
        let schema = Topic::Signals.schema().replace(was, is);
        let id = registry.put("strange-value", &schema).unwrap();
        let strange = [&[0], &id.0.to_be_bytes()[..], &bytes[5..]].concat();
        let Err(DecodeError::Unreadable(reason)) = codec.decode::<Signal>(&strange).await else { panic!("{is}") };
        assert!(reason.contains(&format!("field {field} ")), "{reason}");
    }
}

#[tokio::test]
async fn what_is_no_message_is_unreadable_and_says_why() {
    let Bench { registry, codec, .. } = bench(Formats::default()).await;
    let bytes = codec.encode(&samples::signals()[0]).unwrap();
    let map = registry.put("strange-value", r#"{"type":"map","values":"string"}"#).unwrap();
    let mut cases = vec![
        Bytes::new(),
        Bytes::from_static(&[0, 0, 0, 0]),
        Bytes::from_static(&[7; 40]),
        Bytes::from_static(b"{}"),
        Bytes::from_static(b"{\"event_id\":"),
        Bytes::from([&bytes[..], &[0]].concat()),
        Bytes::from([&[0], &map.0.to_be_bytes()[..], &[0]].concat()),
        // A map that says that it is as long as can be, and one that says nothing.
        Bytes::from(
            [&[0], &map.0.to_be_bytes()[..], &[0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]].concat(),
        ),
        codec.encode(&samples::alerts()[0]).unwrap(),
    ];
    cases.extend((5..bytes.len()).map(|end| bytes.slice(..end)));
    for case in cases {
        let answer = codec.decode::<Signal>(&case).await;
        let Err(DecodeError::Unreadable(reason)) = answer else { panic!("{case:?}: {answer:?}") };
        assert!(!reason.is_empty());
    }
    assert_eq!(codec.decode::<Signal>(&bytes).await.unwrap(), samples::signals()[0], "the next one is read");
}

#[tokio::test]
async fn json_needs_no_registry_and_avro_does() {
    let codec = |formats| Codec::new(TopicNames::default(), formats, None, Arc::new(TestClock::default()));
    let json = codec(Formats::all(Format::Json)).unwrap();
    json.register(&Topic::ALL).await.unwrap();
    let [signal, _] = samples::signals();
    let bytes = json.encode(&signal).unwrap();
    assert_eq!(json.decode::<Signal>(&bytes).await.unwrap(), signal);
    let error = codec(Formats::all(Format::Json).with(Topic::Orders, Format::Avro)).err();
    assert_eq!(error, Some(CodecError::NoRegistry(Topic::Orders)));
    let error = json.decode::<Signal>(&[0, 0, 0, 0, 1]).await.unwrap_err();
    assert!(matches!(error, DecodeError::Unreadable(_)));
}

#[tokio::test]
async fn a_topic_may_change_its_format_and_both_are_read() {
    let Bench { registry, clock, codec: avro } = bench(Formats::default()).await;
    let json = codec(&registry, &clock, Formats::all(Format::Json));
    let [signal, bare] = samples::signals();
    let (old, new) = (avro.encode(&signal).unwrap(), json.encode(&bare).unwrap());
    for reader in [&avro, &json] {
        assert_eq!(reader.decode::<Signal>(&old).await.unwrap(), signal);
        assert_eq!(reader.decode::<Signal>(&new).await.unwrap(), bare);
    }
}

#[tokio::test]
async fn what_the_schema_cannot_hold_is_not_written() {
    let bench = bench(Formats::default().with(Topic::Signals, Format::Json)).await;
    let [mut event, _] = samples::order_events();
    event.seq = u64::MAX;
    assert!(matches!(bench.codec.encode(&event), Err(EncodeError::Unwritable(_))));
    let [mut signal, _] = samples::signals();
    signal.strength = Some(velox_messages::Number(f64::NAN));
    assert!(matches!(bench.codec.encode(&signal), Err(EncodeError::Unwritable(_))));
}
