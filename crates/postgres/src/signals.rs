//! [`PostgresSignals`]: processes wake each other by LISTEN and NOTIFY.

use std::future::poll_fn;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client, Connection};
use velox_kernel::{BusAway, SignalBus, SignalListener};

use crate::Server;

/// The channel.
const CHANNEL: &str = "velox_signals";
/// The server takes payloads of less than 8,000 bytes.
const LONGEST: usize = 7_900;
/// How long the server may take to connect, or to answer.
const DEADLINE: Duration = Duration::from_secs(2);
/// Notifications that may wait to be heard; the connection is read no further while they do.
const BACKLOG: usize = 1_024;
/// How long a silent connection is believed before it is asked.
const SILENCE: Duration = Duration::from_secs(5);

/// Signals on a channel of the database. What tells and what listens have a session each, beside the pool.
pub struct PostgresSignals {
    server: Server,
    teller: Mutex<Option<Client>>,
}

impl PostgresSignals {
    pub(crate) fn new(mut server: Server) -> Self {
        server.config.application_name("velox signals");
        Self { server, teller: Mutex::default() }
    }

    async fn connect(&self) -> Result<(Client, mpsc::Receiver<String>), BusAway> {
        let (client, connection) = within(self.server.connect()).await?;
        let (heard, listener) = mpsc::channel(BACKLOG);
        tokio::spawn(pump(connection, heard));
        Ok((client, listener))
    }
}

#[async_trait]
impl SignalBus for PostgresSignals {
    fn longest(&self) -> usize {
        LONGEST
    }

    async fn publish(&self, text: &str) -> Result<(), BusAway> {
        let mut teller = self.teller.lock().await;
        let client = match teller.take() {
            Some(client) if !client.is_closed() => client,
            _ => self.connect().await?.0,
        };
        // A transaction that only notifies writes nothing ahead: no sync is waited for.
        let told = within(client.execute("SELECT pg_notify($1, $2)", &[&CHANNEL, &text])).await;
        // After a failure the next one connects anew.
        if told.is_ok() {
            *teller = Some(client);
        }
        told.map(drop)
    }

    async fn listen(&self) -> Result<Box<dyn SignalListener>, BusAway> {
        let (client, heard) = self.connect().await?;
        within(client.batch_execute(&format!("LISTEN {CHANNEL}"))).await?;
        Ok(Box::new(Listener { client, heard }))
    }
}

struct Listener {
    client: Client,
    heard: mpsc::Receiver<String>,
}

#[async_trait]
impl SignalListener for Listener {
    async fn next(&mut self) -> Result<String, BusAway> {
        loop {
            // A connection that was cut in silence looks like one on which nobody speaks.
            match timeout(SILENCE, self.heard.recv()).await {
                Ok(Some(text)) => return Ok(text),
                Ok(None) => return Err(BusAway("the connection has ended".to_owned())),
                Err(_) => within(self.client.batch_execute("")).await?,
            }
        }
    }
}

async fn within<T>(asked: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, BusAway> {
    match timeout(DEADLINE, asked).await {
        Ok(answered) => answered.map_err(|error| BusAway(error.to_string())),
        Err(_) => Err(BusAway(format!("no answer came within {DEADLINE:?}"))),
    }
}

/// Drives a connection, and passes on what it is notified of, until it ends or nobody has its client.
async fn pump<S, T>(mut connection: Connection<S, T>, heard: mpsc::Sender<String>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(notification))) => {
                // Of a connection that tells nobody listens.
                let _ = heard.send(notification.payload().to_owned()).await;
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::debug!(%error, "a connection for signals has ended");
                return;
            }
            None => return,
        }
    }
}
