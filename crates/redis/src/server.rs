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
#[error("Redis is away: {0}")]
pub struct RedisAway(pub(crate) String);

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
            return Err(RedisAway("it did not answer a moment ago".to_owned()));
        }
        self.ask_now(question).await
    }

    async fn ask_now<T>(
        &self,
        question: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, RedisAway> {
        let asked = async {
            let mut connection = self.connections.get().await?;
            question(&mut connection).await.map_err(|error| RedisAway(error.to_string()))
        };
        let deadline = self.options.deadline;
        let answered = timeout(deadline, asked)
            .await
            .unwrap_or_else(|_| Err(RedisAway(format!("no answer came within {deadline:?}"))));
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
