//! [`Connection`]: one client's subscriptions, whatever carries them.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::rt::task::JoinHandle;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, Interval, interval_at};
use velox_kernel::{AccountId, Actor, SessionId, Timestamp};
use velox_market::FeedCursor;
use velox_trading::{ExecuteError, GetAccountError, get_account};

use super::channel::Channel;
use super::client_message::Subscribe;
use super::desk::{StreamDesk, StreamSettings};
use super::notice::{CloseReason, Notice, StreamError};
use super::outbox::{Frame, Outbox};
use super::private_feed::PrivateFeed;
use super::subscription::{follow_account, follow_market, snapshot};

/// How often a connection asks whether its session still stands, beside hearing of those that this process ends.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);

/// One client's subscriptions. Dropping it ends them.
pub struct Connection {
    desk: Arc<StreamDesk>,
    actor: Option<Actor>,
    outbox: Outbox,
    subscriptions: HashMap<(Channel, Option<AccountId>), JoinHandle<()>>,
    ended: broadcast::Receiver<SessionId>,
    look: Interval,
}

/// The client's session was ended, or the server is leaving.
pub type Ended = CloseReason;

impl Connection {
    /// A connection of somebody who was let in already, or of nobody yet; and what is to be sent.
    #[must_use]
    pub fn new(desk: Arc<StreamDesk>, actor: Option<Actor>) -> (Self, mpsc::Receiver<Frame>) {
        let (outbox, frames) = Outbox::new(desk.settings.queue, desk.settings.patience);
        let ended = desk.sessions_ended.subscribe();
        let look = interval_at(Instant::now() + LOOK, LOOK);
        (Self { desk, actor, outbox, subscriptions: HashMap::new(), ended, look }, frames)
    }

    /// The bounds it works within.
    #[must_use]
    pub fn settings(&self) -> StreamSettings {
        self.desk.settings
    }

    /// Wall time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.desk.clock.now()
    }

    /// Who was let in.
    #[must_use]
    pub const fn actor(&self) -> Option<&Actor> {
        self.actor.as_ref()
    }

    /// Takes a token. A later one must be of the same user.
    ///
    /// # Errors
    /// [`CloseReason::Unauthenticated`].
    pub async fn sign_in(&mut self, token: &str) -> Result<(), CloseReason> {
        let actor = self.desk.authenticator.authenticate(token).await.map_err(|_| CloseReason::Unauthenticated)?;
        if self.actor.as_ref().is_some_and(|before| (before.user, before.org) != (actor.user, actor.org)) {
            return Err(CloseReason::Unauthenticated);
        }
        self.actor = Some(actor);
        Ok(())
    }

    /// Waits until the connection has no right to go on.
    pub async fn no_longer_stands(&mut self) -> Ended {
        let shutdown = self.desk.shutdown.clone();
        loop {
            let doubted = tokio::select! {
                () = shutdown.begun() => return CloseReason::ShuttingDown,
                ended = self.ended.recv() => match ended {
                    Ok(session) => {
                        if self.actor.as_ref().is_some_and(|actor| actor.session == session) {
                            return CloseReason::SessionEnded;
                        }
                        false
                    }
                    Err(RecvError::Lagged(_)) => true,
                    Err(RecvError::Closed) => return CloseReason::ShuttingDown,
                },
                // Another process on the same store may have ended the session.
                _ = self.look.tick() => true,
            };
            if doubted
                && let Some(actor) = &self.actor
                && !self.desk.standing.still_stands(actor).await
            {
                return CloseReason::SessionEnded;
            }
        }
    }

    /// Begins a subscription and gives the answer to it; the subscription's messages come behind the answer.
    ///
    /// # Errors
    /// [`StreamError`] when it is refused; the connection stays.
    pub async fn subscribe(&mut self, wish: &Subscribe) -> Result<(), StreamError<'static>> {
        let actor = self.actor.clone().ok_or_else(|| refuse("unauthenticated", "Sign in first."))?;
        if !actor.may(wish.channel.permission()) {
            return Err(refuse("forbidden", "The role does not carry what this channel needs."));
        }
        let key = (wish.channel, wish.account);
        if !self.subscriptions.contains_key(&key) && self.subscriptions.len() >= self.desk.settings.subscriptions {
            return Err(refuse("too_many_subscriptions", "The connection has as many subscriptions as it may."));
        }
        let task = match wish.channel {
            Channel::MarketData => self.subscribe_market(wish).await?,
            channel => self.subscribe_account(&actor, channel, wish).await?,
        };
        if let Some(before) = self.subscriptions.insert(key, task) {
            before.abort();
        }
        Ok(())
    }

    async fn subscribe_market(&self, wish: &Subscribe) -> Result<JoinHandle<()>, StreamError<'static>> {
        if wish.symbols.is_empty() || wish.symbols.len() > self.desk.settings.symbols {
            let most = self.desk.settings.symbols;
            return Err(refuse("invalid_subscription", &format!("Name 1 to {most} symbols.")));
        }
        if wish.account.is_some() {
            return Err(refuse("invalid_subscription", "Market data belongs to no account."));
        }
        let after = match (wish.epoch, wish.offset) {
            (Some(epoch), Some(offset)) => Some(FeedCursor { epoch, offset }),
            (None, None) => None,
            _ => return Err(refuse("invalid_subscription", "Name both epoch and offset, or neither.")),
        };
        self.say(&Notice::Subscribed { channel: Channel::MarketData, account: None, seq: None }).await;
        let hub = Arc::clone(&self.desk.market);
        Ok(actix_web::rt::spawn(follow_market(hub, wish.symbols.clone(), after, self.outbox.clone())))
    }

    async fn subscribe_account(
        &self,
        actor: &Actor,
        channel: Channel,
        wish: &Subscribe,
    ) -> Result<JoinHandle<()>, StreamError<'static>> {
        let id = wish.account.ok_or_else(|| refuse("invalid_subscription", "Name the account."))?;
        if !wish.symbols.is_empty() || wish.epoch.is_some() || wish.offset.is_some() {
            return Err(refuse("invalid_subscription", "Symbols, epoch and offset are for market data."));
        }
        let trading = &self.desk.trading;
        get_account(actor, trading, id).await.map_err(|error| match error {
            GetAccountError::NotFound => refuse("not_found", "There is no such account."),
            GetAccountError::Store(_) => refuse("store_unavailable", "The account could not be read; try again."),
        })?;
        let account = trading.writer.read(id).await.map_err(|error| match error {
            ExecuteError::Overloaded => refuse("overloaded", "Too much is waiting; try again."),
            _ => refuse("store_unavailable", "The account could not be read; try again."),
        })?;
        if wish.after.is_some_and(|after| after > account.seq()) {
            return Err(refuse("cursor_ahead", &format!("The account's newest event is {}.", account.seq())));
        }
        let after = match (wish.snapshot, wish.after) {
            (true, _) | (false, None) => account.seq(),
            (false, Some(after)) => after,
        };
        self.say(&Notice::Subscribed { channel, account: Some(id), seq: Some(after) }).await;
        if wish.snapshot {
            // A connection that is gone by now ends with its tasks.
            let _ = self.outbox.send(snapshot(channel, &account), None).await;
        }
        let log = Arc::clone(&trading.log);
        let feed = PrivateFeed::new(&self.desk.hub, log, channel, id, after, self.desk.settings.look_every);
        Ok(actix_web::rt::spawn(follow_account(feed, channel, id, self.outbox.clone())))
    }

    /// Ends a subscription; false when there was none.
    pub async fn unsubscribe(&mut self, channel: Channel, account: Option<AccountId>) -> bool {
        let Some(task) = self.subscriptions.remove(&(channel, account)) else { return false };
        task.abort();
        self.say(&Notice::Unsubscribed { channel, account }).await;
        true
    }

    /// Puts a notice behind what waits already.
    pub async fn say(&self, notice: &Notice<'_>) {
        // A connection that is gone hears nothing.
        let _ = self.outbox.send(notice.to_json().into(), None).await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.subscriptions.values().for_each(JoinHandle::abort);
    }
}

fn refuse(code: &'static str, detail: &str) -> StreamError<'static> {
    StreamError { code, detail: detail.to_owned() }
}
