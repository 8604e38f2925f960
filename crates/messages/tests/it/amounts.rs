//! Money arrives as it was: an independent reader counts the same.

use std::sync::LazyLock;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Decimal as AvroDecimal, Schema};
use proptest::prelude::*;
use velox_kernel::{Decimal, DecimalError};
use velox_messages::{Amount, Codec, Formats, Message as _, Signal, Topic};

use crate::codec::bench;
use crate::samples;

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::parse_str(Topic::Signals.schema()).unwrap());

/// The digits that the independent reader finds in `target_quantity`, as a count of 10⁻¹².
fn read_elsewhere(datum: &[u8]) -> i128 {
    let read = GenericDatumReader::builder(&SCHEMA).build().unwrap();
    let Value::Record(fields) = read.read_value(&mut &*datum).unwrap() else { panic!("no record") };
    let (_, value) = fields.into_iter().find(|(name, _)| name == "target_quantity").unwrap();
    let Value::Union(_, value) = value else { panic!("no union") };
    let Value::Decimal(decimal) = *value else { panic!("no decimal: {value:?}") };
    let bytes = Vec::<u8>::try_from(&decimal).unwrap();
    let sign = if bytes.first().is_some_and(|first| *first >= 0x80) { 0xFF } else { 0 };
    let mut whole = [sign; 16];
    let start = 16 - bytes.len();
    whole[start..].copy_from_slice(&bytes);
    i128::from_be_bytes(whole)
}

fn of(units: i128) -> Signal {
    let [signal, _] = samples::signals();
    Signal { target_quantity: Some(Amount(Decimal::from_units(units).unwrap())), ..signal }
}

fn written(codec: &Codec, units: i128) -> Vec<u8> {
    codec.encode(&of(units)).unwrap()[5..].to_vec()
}

#[tokio::test]
async fn every_digit_arrives() {
    let codec = bench(Formats::default()).await.codec;
    let most = Decimal::MAX.units();
    let edges =
        (0..94).map(|power| 1_i128 << power).filter(|edge| *edge < most).flat_map(|edge| [edge - 1, edge, edge + 1]);
    let powers = (0..28).map(|power| 10_i128.pow(power));
    for units in edges.chain(powers).chain([0, most]).flat_map(|units| [units, -units]) {
        let datum = written(&codec, units);
        assert_eq!(read_elsewhere(&datum), units);
        let framed = codec.encode(&of(units)).unwrap();
        assert_eq!(codec.decode::<Signal>(&framed).await.unwrap(), of(units));
    }
}

#[test]
fn a_thirteenth_digit_and_a_number_too_large_are_no_amounts() {
    let read = |text: &str| serde_json::from_value::<Amount>(text.into()).map_err(|error| error.to_string());
    assert!(read("0.000000000001").is_ok() && read("-9999999999999999.999999999999").is_ok());
    assert!(read("0.0000000000001").unwrap_err().contains(&DecimalError::TooPrecise.to_string()));
    assert!(read("10000000000000000").unwrap_err().contains(&DecimalError::TooLarge.to_string()));
    assert!(read("a lot").unwrap_err().contains(&DecimalError::NotANumber.to_string()));
    assert!(serde_json::from_str::<Amount>("1.5").is_err(), "no float is money");
}

/// A signal's schema with decimals of another scale: somebody else's writer.
fn schema_of_scale(scale: u32) -> String {
    let changed = Topic::Signals.schema().replace(r#""scale": 12"#, &format!(r#""scale": {scale}"#));
    assert_eq!(changed == Topic::Signals.schema(), scale == 12);
    changed
}

#[tokio::test]
async fn another_writers_scale_is_read_by_its_own_schema_or_not_at_all() {
    let bench = bench(Formats::default()).await;
    for (scale, units, expected) in [
        (2, 12_345, Some("123.45")),
        (0, -7, Some("-7")),
        (18, 1_500_000_000_000_000_000, Some("1.5")),
        (18, 1_500_000_000_000_000_001, None),
        (2, 10_i128.pow(18), None),
        (12, i128::MAX, None),
        (12, i128::MIN, None),
    ] {
        let [signal, _] = samples::signals();
        let schema = Schema::parse_str(&schema_of_scale(scale).replace("28", "38")).unwrap();
        let json = serde_json::to_value(&signal).unwrap();
        let Schema::Record(record) = &schema else { panic!("a record") };
        let fields = record.fields.iter().map(|field| {
            let text = || json[&field.name].as_str().unwrap().to_owned();
            let value = match field.name.as_str() {
                "target_quantity" => Value::Union(1, Box::new(Value::Decimal(AvroDecimal::from(units.to_be_bytes())))),
                "strength" => Value::Union(1, Box::new(Value::Double(0.75))),
                "reason" => Value::Union(1, Box::new(Value::String(text()))),
                "at" => Value::TimestampMicros(signal.at.0.micros()),
                "event_id" | "strategy_id" | "org_id" => Value::Uuid(text().parse().unwrap()),
                _ => Value::String(text()),
            };
            (field.name.clone(), value)
        });
        let value = Value::Record(fields.collect());
        let datum = GenericDatumWriter::builder(&schema).build().unwrap();
        let datum = datum.write_value_to_vec(value).unwrap();
        let subject = format!("strange-{scale}-value");
        let id = bench.registry.put(&subject, &schema_of_scale(scale).replace("28", "38")).unwrap();
        let framed = [&[0], &id.0.to_be_bytes()[..], &datum].concat();
        let read = bench.codec.decode::<Signal>(&framed).await;
        match expected {
            Some(text) => assert_eq!(read.unwrap().target_quantity, Some(Amount(text.parse().unwrap()))),
            None => assert!(read.is_err(), "{scale} {units}: {read:?}"),
        }
    }
    assert_eq!(samples::signals()[0].key(), samples::signals()[0].strategy_id.to_string());
}

static CODEC: LazyLock<Codec> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(bench(Formats::default())).codec
});

proptest! {
    #[test]
    fn any_number_arrives(units in -Decimal::MAX.units()..=Decimal::MAX.units(), places in 0_u32..94) {
        let units = units >> places;
        prop_assert_eq!(read_elsewhere(&written(&CODEC, units)), units);
    }
}
