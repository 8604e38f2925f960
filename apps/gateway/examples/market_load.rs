//! Ticks on the topic of the market, and when a WebSocket client of a server that reads it has them: for
//! `cargo xtask bench --kafka`.
//!
//! Takes `VELOX_TEST_KAFKA_BROKERS` and `VELOX_TEST_SCHEMA_REGISTRY_URL`, and as arguments the topics' prefix, the server's
//! address, an access token, the number of symbols (`S0000`, `S0001`, …) and the seconds to measure. Prints how many ticks were sent and heard, and the
//! median and the 99th percentile of their way, in milliseconds. The server gives a slow listener the newest tick of a symbol in
//! place of older ones: those are sent and not heard.

#![expect(clippy::float_arithmetic, clippy::print_stdout, reason = "figures for people")]

use std::error::Error;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::{Message, WebSocket};
use velox_crypto::SystemClock;
use velox_kafka::{KafkaOptions, KafkaProducer};
use velox_kernel::{BusRecord, Clock, Decimal, EventBus, Price};
use velox_market::{MarketEvent, Trade};
use velox_messages::{Codec, Formats, MarketData, MarketStep, MarketTold, Topic, TopicNames};
use velox_schema_registry::{HttpRegistry, RegistryDeadlines};
use velox_testkit::market::sample_trade;

/// Between two ticks of a symbol.
const EVERY: Duration = Duration::from_millis(100);
/// Ticks of each symbol that come before those that count: with the first of them the writer connects to the brokers.
const WARM_UP: usize = 10;
/// The symbols of one subscription.
const OF_A_WISH: usize = 100;
/// Parts of a second's tenth into which symbols are spread.
const PARTS: usize = 10;
/// How long the last ticks may be on their way.
const LAST: Duration = Duration::from_secs(2);
/// The price of the first tick; each next one is one higher.
const FIRST_PRICE: i32 = 1_000;

type Anything<T> = Result<T, Box<dyn Error + Send + Sync>>;
/// When each tick of each symbol was handed over.
type Sent = Arc<Mutex<Vec<Vec<Instant>>>>;

fn main() -> Anything<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [prefix, address, token, symbols, seconds] = &arguments[..] else {
        return Err("prefix, address, token, symbols and seconds".into());
    };
    let (symbols, length) = (symbols.parse::<usize>()?, Duration::from_secs(seconds.parse()?));
    let length = length + EVERY * u32::try_from(WARM_UP)?;
    let names: Vec<String> = (0..symbols).map(|number| format!("S{number:04}")).collect();
    let sent: Sent = Arc::new(Mutex::new(vec![Vec::new(); symbols]));
    let socket = subscribe(address, token, &names)?;
    let listener = {
        let (sent, until) = (Arc::clone(&sent), Instant::now() + length + LAST * 2);
        std::thread::spawn(move || listen(socket, &sent, until))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(publish(prefix, &names, &sent, length))?;
    let mut millis = listener.join().map_err(|_| "the listener broke")??;
    millis.sort_by(f64::total_cmp);
    let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    let count: usize = sent.iter().map(|ticks| ticks.len().saturating_sub(WARM_UP)).sum();
    let at = |share: usize| millis.get(millis.len() * share / 100).copied().unwrap_or(f64::NAN);
    println!("{count}\t{}\t{:.3}\t{:.3}", millis.len(), at(50), at(99));
    Ok(())
}

fn subscribe(address: &str, token: &str, names: &[String]) -> Anything<WebSocket<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut request = format!("ws://{address}/v1/ws").into_client_request()?;
    request.headers_mut().insert("Authorization", HeaderValue::try_from(format!("Bearer {token}"))?);
    let (mut socket, _) = tungstenite::client(request, stream).map_err(|error| error.to_string())?;
    for names in names.chunks(OF_A_WISH) {
        let wish = serde_json::json!({ "op": "subscribe", "channel": "market-data", "symbols": names });
        socket.send(Message::text(wish.to_string()))?;
        while !matches!(socket.read()?, Message::Text(text) if text.contains("\"subscribed\"")) {}
    }
    Ok(socket)
}

/// The way of each tick that was heard, in milliseconds.
fn listen(mut socket: WebSocket<TcpStream>, sent: &Sent, until: Instant) -> Anything<Vec<f64>> {
    socket.get_ref().set_read_timeout(Some(Duration::from_millis(100)))?;
    let mut millis = Vec::new();
    while Instant::now() < until {
        let text = match socket.read() {
            Ok(Message::Text(text)) => text,
            Ok(_) => continue,
            Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error.into()),
        };
        let heard = Instant::now();
        let told: serde_json::Value = serde_json::from_str(&text)?;
        if told["type"] != "trade" {
            continue;
        }
        let place = told["symbol"].as_str().and_then(|symbol| symbol.strip_prefix('S')?.parse::<usize>().ok());
        let price = told["data"]["price"].as_str().and_then(|price| price.parse::<usize>().ok());
        let (Some(place), Some(price)) = (place, price) else { return Err(format!("no tick: {text}").into()) };
        let number = price.saturating_sub(usize::try_from(FIRST_PRICE)?);
        let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
        // What a subscription begins with may be of another run.
        if number >= WARM_UP
            && let Some(began) = sent.get(place).and_then(|ticks| ticks.get(number))
        {
            millis.push(heard.saturating_duration_since(*began).as_secs_f64() * 1e3);
        }
    }
    Ok(millis)
}

/// Publishes a tick of each symbol ten times a second, spread over the time.
async fn publish(prefix: &str, names: &[String], sent: &Sent, length: Duration) -> Anything<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let registry = SecretString::from(std::env::var("VELOX_TEST_SCHEMA_REGISTRY_URL")?);
    let registry = Arc::new(HttpRegistry::new(&registry, RegistryDeadlines::default())?);
    let codec = Codec::new(TopicNames::new(prefix)?, Formats::default(), Some(registry), Arc::clone(&clock))?;
    codec.register(&Topic::ALL).await?;
    let producer = Arc::new(KafkaProducer::new(KafkaOptions::new(&std::env::var("VELOX_TEST_KAFKA_BROKERS")?)));
    let parts = PARTS.min(names.len());
    let each = names.len().div_ceil(parts);
    let mut tick = tokio::time::interval(EVERY / u32::try_from(parts)?);
    let (began, epoch) = (Instant::now(), u64::try_from(clock.now().micros())?);
    let mut publishing = tokio::task::JoinSet::new();
    let mut offset = 0;
    while began.elapsed() < length {
        for (part, names) in names.chunks(each).enumerate() {
            tick.tick().await;
            let mut records = Vec::with_capacity(names.len());
            for (place, name) in names.iter().enumerate() {
                let place = part * each + place;
                let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
                let number = i32::try_from(sent[place].len())?;
                offset += 1;
                let price = Price::new(Decimal::from_int(FIRST_PRICE + number));
                let trade = sample_trade(name, clock.now(), offset, 1);
                let mut trade = Trade { price, ..trade };
                trade.cursor.epoch = epoch;
                let told = MarketTold::Event { event: MarketEvent::Trade(trade), closed: vec![], growing: None };
                let record = codec.record(&MarketData::from(&MarketStep { epoch, offset, told }), None)?;
                sent[place].push(Instant::now());
                records.push(BusRecord {
                    topic: codec.names().topic(record.topic),
                    key: record.key,
                    value: record.value,
                    headers: record.headers,
                    at: trade.at,
                });
            }
            let producer = Arc::clone(&producer);
            publishing.spawn(async move { producer.publish(&records).await });
            while let Some(done) = publishing.try_join_next() {
                done??;
            }
        }
    }
    while let Some(done) = publishing.join_next().await {
        done??;
    }
    Ok(())
}
