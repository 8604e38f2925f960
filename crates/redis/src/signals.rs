//! [`RedisSignals`]: processes wake each other by publish and subscribe.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{Stream, StreamExt};
use redis::aio::{PubSubSink, PubSubStream};
use redis::{AsyncCommands, Msg};
use tokio::time::{Instant, timeout};
use velox_kernel::{BusAway, SignalBus, SignalListener};

use crate::connect::client;
use crate::{RedisAway, RedisServer};

/// The longest text: far below what the server bounds a subscriber's buffer by.
const LONGEST: usize = 256 * 1024;
/// How long a new subscription may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a silent connection is believed before it is asked, and how long its answer may take.
const SILENCE: Duration = Duration::from_secs(2);

/// Signals on a channel of the server.
pub struct RedisSignals {
    server: Arc<RedisServer>,
    channel: String,
}

impl RedisSignals {
    /// Signals on the server.
    #[must_use]
    pub fn new(server: Arc<RedisServer>) -> Self {
        Self { channel: server.name("signals"), server }
    }
}

#[async_trait]
impl SignalBus for RedisSignals {
    fn longest(&self) -> usize {
        LONGEST
    }

    async fn publish(&self, text: &str) -> Result<(), BusAway> {
        let asked = self.server.ask(async |connection| connection.publish::<_, _, u64>(&self.channel, text).await);
        asked.await.map(drop).map_err(away)
    }

    async fn listen(&self) -> Result<Box<dyn SignalListener>, BusAway> {
        let client = client(&self.server.url).map_err(|error| BusAway(error.to_string()))?;
        let subscribe = async {
            let (mut sink, stream) = client.get_async_pubsub().await?.split();
            sink.subscribe(&self.channel).await?;
            Ok::<_, redis::RedisError>(Listener { sink, stream: Box::pin(stream) })
        };
        match timeout(CONNECT, subscribe).await {
            Ok(Ok(listener)) => Ok(Box::new(listener)),
            Ok(Err(error)) => Err(BusAway(error.to_string())),
            Err(_) => Err(BusAway(format!("no answer came within {CONNECT:?}"))),
        }
    }
}

fn away(error: RedisAway) -> BusAway {
    BusAway(error.to_string())
}

struct Listener {
    sink: PubSubSink,
    stream: Pin<Box<PubSubStream>>,
}

#[async_trait]
impl SignalListener for Listener {
    async fn next(&mut self) -> Result<String, BusAway> {
        loop {
            // A connection that was cut in silence looks like one on which nobody speaks.
            match timeout(SILENCE, next_message(&mut self.stream)).await {
                Ok(heard) => return heard,
                Err(_) => self.ask().await?,
            }
        }
    }
}

impl Listener {
    /// Whether the server is still there.
    async fn ask(&mut self) -> Result<(), BusAway> {
        let began = Instant::now();
        match timeout(SILENCE, self.sink.ping::<redis::Value>()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(BusAway(error.to_string())),
            Err(_) => Err(BusAway(format!("no answer came within {:?}", began.elapsed()))),
        }
    }
}

async fn next_message(stream: &mut (impl Stream<Item = Msg> + Unpin)) -> Result<String, BusAway> {
    let ended = || BusAway("the connection has ended".to_owned());
    let message = stream.next().await.ok_or_else(ended)?;
    message.get_payload().map_err(|error| BusAway(format!("not a text: {error}")))
}
