//! [`RedisServer`]: asks the server, within a deadline.

use std::fmt;

use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use tokio::time::timeout;

use crate::connect::Connections;
use crate::door::Door;
use crate::{InvalidRedisUrl, RedisOptions};

/// The server did not answer in time, or not with what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Redis is away: {reason}")]
pub struct RedisAway {
    /// Whether the question was sent and only the answer is late: the server may do what it was asked.
    pub(crate) is_late: bool,
    pub(crate) reason: String,
}

impl RedisAway {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { is_late: false, reason: reason.into() }
    }
}

/// A Redis server. Nothing is connected before the first question.
pub struct RedisServer {
    pub(crate) options: RedisOptions,
    pub(crate) url: String,
    connections: Connections,
    door: Door,
}

impl RedisServer {
    /// The server of an address (`redis://` or `rediss://`).
    ///
    /// # Errors
    /// [`InvalidRedisUrl`].
    pub fn new(url: &str, options: RedisOptions) -> Result<Self, InvalidRedisUrl> {
        let connections = Connections::new(url, options.deadline)?;
        Ok(Self { connections, door: Door::new(options.closed), url: url.to_owned(), options })
    }

    /// Answers when the server does, whatever was before.
    ///
    /// # Errors
    /// [`RedisAway`].
    pub async fn health(&self) -> Result<(), RedisAway> {
        let asked = self.ask_now(async |connection| redis::cmd("PING").query_async::<String>(connection).await).await;
        asked.map(drop)
    }

    /// Asks, unless the server has just failed to answer.
    pub(crate) async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, RedisAway> {
        if !self.door.may_ask() {
            return Err(RedisAway::new("it did not answer a moment ago"));
        }
        self.ask_now(question).await
    }

    async fn ask_now<T>(
        &self,
        question: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, RedisAway> {
        let mut sent = false;
        let asked = async {
            let mut connection = self.connections.get().await?;
            sent = true;
            question(&mut connection)
                .await
                .map_err(|error| RedisAway { is_late: error.is_timeout(), reason: error.to_string() })
        };
        let deadline = self.options.deadline;
        let answered = timeout(deadline, asked).await;
        let late = || RedisAway { is_late: sent, reason: format!("no answer came within {deadline:?}") };
        let answered = answered.unwrap_or_else(|_| Err(late()));
        match &answered {
            Ok(_) => {
                if self.door.open() {
                    tracing::info!("Redis answers again");
                }
            }
            Err(error) => {
                self.connections.forget();
                if self.door.close() {
                    tracing::warn!(%error, "limits are counted in this process alone until it answers");
                }
            }
        }
        answered
    }

    pub(crate) fn name(&self, rest: &str) -> String {
        format!("{}:{rest}", self.options.prefix)
    }
}

impl fmt::Debug for RedisServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisServer").field("options", &self.options).finish_non_exhaustive()
    }
}
