//! Deliveries to many WebSocket clients by server CPU: one busy account that all follow, and the market.

use super::Settings;
use super::api::Api;
use super::load::float;
use super::orders::{Market, median, resting_order};
use super::report::Figure;
use super::server::cpu_time;
use super::velox::Program;
use crate::process;
use anyhow::{Context, ensure};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval};

const CLIENTS: u32 = 1_000;
/// Between two orders on the account that is followed; each makes three events.
const ORDER_EVERY: Duration = Duration::from_millis(50);
/// How long a message may take that is waited for.
const HEARD_WITHIN: Duration = Duration::from_secs(10);
/// Times faster than the clock the demo runs, so that the market is busy: more than a hundred messages a second.
const SPEED: &str = "market.speed=60";

/// What was delivered in the measured time.
struct Delivered {
    messages: u64,
    bytes: u64,
    cpu: Duration,
    took: Duration,
    /// What of the CPU the same orders and market take when nobody listens.
    unheard: Duration,
}

/// Deliveries by server CPU second, gross, and net of what the source costs without listeners.
pub(super) fn run(settings: &Settings) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let orders = Market::open(Program::Velox, "streams", 1, None)?;
    let account = orders.accounts[0].clone();
    let wish = format!(r#"{{"op":"subscribe","channel":"orders","account":"{account}"}}"#);
    figures.extend(measure_all(settings, "orders of one busy account", &orders, &wish, Some(&account))?);
    drop(orders);
    let market = Market::open_with(Program::Velox, "market", 1, None, &["--set", SPEED])?;
    let wish = r#"{"op":"subscribe","channel":"market-data","symbols":["BTC-PERP"]}"#;
    figures.extend(measure_all(settings, "market data of one symbol", &market, wish, None)?);
    Ok(figures)
}

fn measure_all(
    settings: &Settings,
    name: &str,
    market: &Market,
    wish: &str,
    account: Option<&str>,
) -> anyhow::Result<Vec<Figure>> {
    let mut runs = Vec::new();
    for round in 0..settings.rounds.max(1) {
        ensure!(!process::interrupted(), "interrupted");
        runs.push(measure(settings, market, wish, account, round)?);
    }
    let of = |figure: fn(&Delivered) -> f64| median(runs.iter().map(figure).collect());
    let gross = of(|run| float(run.messages) / run.cpu.as_secs_f64());
    let net = of(|run| float(run.messages) / run.cpu.saturating_sub(run.unheard).as_secs_f64().max(1e-9));
    Ok(vec![
        Figure::new(format!("{name}, {CLIENTS} clients: deliveries"), gross, "1/CPU s"),
        Figure::new("    without what the source costs unheard", net, "1/CPU s"),
        Figure::new("    server CPU a delivery", 1e6 / gross, "us"),
        Figure::new("    deliveries", of(|run| float(run.messages) / run.took.as_secs_f64()), "1/s"),
        Figure::new("    bytes a delivery", of(|run| float(run.bytes) / float(run.messages.max(1))), "B"),
    ])
}

fn measure(
    settings: &Settings,
    market: &Market,
    wish: &str,
    account: Option<&str>,
    round: u32,
) -> anyhow::Result<Delivered> {
    let api = Api::sign_in(&market.velox)?;
    let (address, pid) = (market.velox.server.address, market.velox.server.pid());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let source = account.map(|account| {
            let (token, account) = (api.token.clone(), account.to_owned());
            tokio::spawn(async move { keep_placing(address, &token, &account, round).await })
        });
        let cpu_before = cpu_time(pid)?;
        tokio::time::sleep(settings.measure()).await;
        let unheard = cpu_time(pid)?.saturating_sub(cpu_before);

        let (messages, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..CLIENTS {
            let stream = subscribe(address, &api.token, wish).await?;
            clients.spawn(keep_counting(stream, Arc::clone(&messages), Arc::clone(&bytes)));
        }
        tokio::time::sleep(settings.warm_up()).await;
        let counts = || (messages.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed));
        let (start, cpu_before, before) = (Instant::now(), cpu_time(pid)?, counts());
        tokio::time::sleep(settings.measure()).await;
        let (took, cpu, after) = (start.elapsed(), cpu_time(pid)?.saturating_sub(cpu_before), counts());
        if let Some(source) = source {
            ensure!(!source.is_finished(), "placing orders failed: {:?}", source.await);
            source.abort();
        }
        ensure!(clients.try_join_next().is_none(), "the server closed a client's connection");
        let (messages, bytes) = (after.0 - before.0, after.1 - before.1);
        ensure!(messages > 0, "nothing was delivered");
        Ok(Delivered { messages, bytes, cpu, took, unheard })
    })
}

/// Places a resting order now and then.
async fn keep_placing(address: SocketAddr, token: &str, account: &str, round: u32) -> anyhow::Result<()> {
    let mut sender = Sender::open(address).await?;
    let mut tick = interval(ORDER_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0.. {
        tick.tick().await;
        sender.place(&resting_order(token, account, &format!("s{round}-{number}"))).await?;
    }
    Ok(())
}

/// A kept connection on which orders are placed, one after the other.
pub(super) struct Sender(TcpStream);

impl Sender {
    pub(super) async fn open(address: SocketAddr) -> anyhow::Result<Sender> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Sender(stream))
    }

    /// Places an order, which must be accepted.
    pub(super) async fn place(&mut self, order: &[u8]) -> anyhow::Result<()> {
        self.0.write_all(order).await?;
        let mut answer = [0; 16 * 1024];
        let count = self.0.read(&mut answer).await?;
        ensure!(answer[..count].starts_with(b"HTTP/1.1 201"), "{}", String::from_utf8_lossy(&answer[..count]));
        Ok(())
    }
}

/// A WebSocket on which events are waited for.
pub(super) struct Listener {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Listener {
    /// Opens one and subscribes; what happens after this returns is heard.
    pub(super) async fn open(address: SocketAddr, token: &str, wish: &str) -> anyhow::Result<Listener> {
        let stream = subscribe(address, token, wish).await?;
        let mut listener = Listener { stream, buffer: Vec::with_capacity(16 * 1024) };
        listener.until(r#""type":"subscribed""#).await?;
        Ok(listener)
    }

    /// Waits for the next message that holds this text, and tells when it was there.
    pub(super) async fn until(&mut self, text: &str) -> anyhow::Result<Instant> {
        let wanted = text.as_bytes();
        let heard = async {
            loop {
                let mut at = 0;
                let mut found = false;
                while let Some((kind, start, end)) = frame(&self.buffer[at..]) {
                    let payload = &self.buffer[at + start..at + end];
                    found |= kind == 1 && payload.windows(wanted.len()).any(|part| part == wanted);
                    at += end;
                }
                self.buffer.drain(..at);
                if found {
                    return anyhow::Ok(Instant::now());
                }
                ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "closed");
            }
        };
        tokio::time::timeout(HEARD_WITHIN, heard).await.with_context(|| format!("{text} did not come"))?
    }
}

/// Opens a WebSocket (RFC 6455) and asks for a subscription.
async fn subscribe(address: SocketAddr, token: &str, wish: &str) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let hello = format!(
        "GET /v1/ws HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(hello.as_bytes()).await?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).await.context("no answer to the handshake")?;
        head.extend_from_slice(&byte);
    }
    ensure!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    // One text frame, masked with zeros: the mask is there against proxies, not against us.
    let length = u16::try_from(wish.len())?.to_be_bytes();
    let mut frame = vec![0x81, 0x80 | 126, length[0], length[1], 0, 0, 0, 0];
    frame.extend_from_slice(wish.as_bytes());
    stream.write_all(&frame).await?;
    Ok(stream)
}

/// Counts the messages that carry something: those with the name of a channel and data.
async fn keep_counting(mut stream: TcpStream, messages: Arc<AtomicU64>, bytes: Arc<AtomicU64>) -> anyhow::Result<()> {
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        ensure!(stream.read_buf(&mut buffer).await? > 0, "closed");
        let mut at = 0;
        while let Some((kind, start, end)) = frame(&buffer[at..]) {
            let payload = &buffer[at + start..at + end];
            if kind == 1 && payload.starts_with(br#"{"channel":"#) {
                messages.fetch_add(1, Ordering::Relaxed);
                bytes.fetch_add(u64::try_from(payload.len())?, Ordering::Relaxed);
            }
            at += end;
        }
        buffer.drain(..at);
    }
}

/// The kind of the first whole frame of a server, and where its payload starts and ends.
fn frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (kind, short) = (bytes.first()? & 0x0f, bytes.get(1)? & 0x7f);
    let (start, length) = match short {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        _ => (2, usize::from(short)),
    };
    (bytes.len() >= start + length).then_some((kind, start, start + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_complete_with_its_last_byte() {
        let mut bytes = vec![0x81, 126, 1, 0];
        bytes.extend_from_slice(&[b'x'; 256]);
        assert_eq!(frame(&bytes), Some((1, 4, 260)));
        assert_eq!(frame(&bytes[..259]), None);
        assert_eq!(frame(&[0x89, 0]), Some((9, 2, 2)));
        assert_eq!(frame(&[0x81]), None);
    }
}
