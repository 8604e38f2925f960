//! [`Connection`]: one client's subscriptions, whatever carries them.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::rt::spawn;
use actix_web::rt::task::JoinHandle;
use tokio::sync::watch;
use velox_kernel::{AccountId, Actor, Timestamp, UserId};
use velox_trading::{ExecuteError, GetAccountError, get_account};

use super::channel::Channel;
use super::client_message::Subscribe;
use super::desk::{StreamDesk, StreamSettings};
use super::market_hub::MarketCursor;
use super::notice::{CloseReason, Notice, StreamError};
use super::open_streams::OpenStream;
use super::outbox::{Ending, Frames, Outbox, Position};
use super::private_feed::PrivateFeed;
use super::standing::watch_standing;
use super::subscription::{First, follow_account, follow_market, follow_mute_feeds, snapshot};

/// Cursors of one subscription to the market: more than there are parts of it.
const MOST_CURSORS: usize = 64;

/// One client's subscriptions. Dropping it ends them.
///
/// Everything that is said about subscriptions goes through the one queue, in tasks that wait for room there: whoever
/// reads the queue never waits for itself.
pub struct Connection {
    desk: Arc<StreamDesk>,
    actor: watch::Sender<Option<Actor>>,
    outbox: Outbox,
    /// Its place among the user's streams, from the sign-in on.
    place: Option<OpenStream>,
    subscriptions: HashMap<(Channel, Option<AccountId>), JoinHandle<()>>,
    /// Tells of mute feeds while there is a subscription to alerts.
    mute_feeds: Option<JoinHandle<()>>,
    guard: JoinHandle<()>,
}

impl Connection {
    /// A connection of somebody who was let in already, or of nobody yet; and what is to be sent. `None` when the user
    /// has as many streams open as one may.
    #[must_use]
    pub fn new(desk: Arc<StreamDesk>, actor: Option<Actor>) -> Option<(Self, Frames)> {
        let place = match &actor {
            Some(actor) => Some(desk.open.enter(actor.user)?),
            None => None,
        };
        let (outbox, frames) = Outbox::new(desk.settings.queue, desk.settings.patience);
        let (actor, present) = watch::channel(actor);
        // Subscribed here and not in the task: a session that ends in between is not missed.
        let ended = desk.sessions_ended.subscribe();
        let guard = spawn(watch_standing(Arc::clone(&desk), ended, present, outbox.clone()));
        let connection = Self { desk, actor, outbox, place, subscriptions: HashMap::new(), mute_feeds: None, guard };
        Some((connection, frames))
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
    pub fn user(&self) -> Option<UserId> {
        self.actor.borrow().as_ref().map(|actor| actor.user)
    }

    /// Whether somebody was let in.
    #[must_use]
    pub fn is_signed_in(&self) -> bool {
        self.actor.borrow().is_some()
    }

    /// Returns once nobody takes its messages any more.
    pub async fn gone(&self) {
        self.outbox.gone().await;
    }

    /// Ends the subscriptions. What it gives keeps the place among the user's streams, until the client is gone too.
    #[must_use]
    pub fn finish(mut self) -> Option<OpenStream> {
        self.place.take()
    }

    /// Hears when the connection has to end.
    #[must_use]
    pub fn ending(&self) -> Ending {
        self.outbox.ending()
    }

    /// Takes a token. A later one must be of the same user.
    ///
    /// # Errors
    /// [`CloseReason`]: nobody's token, one that cannot be checked now, or one of a user who has as many streams open as
    /// one may.
    pub async fn sign_in(&mut self, token: &str) -> Result<(), CloseReason> {
        let actor = self.desk.authenticator.authenticate(token).await.map_err(|problem| match problem {
            crate::http::AuthProblem::Unavailable(_) => CloseReason::StoreUnavailable,
            _ => CloseReason::Unauthenticated,
        })?;
        if self.actor.borrow().as_ref().is_some_and(|before| (before.user, before.org) != (actor.user, actor.org)) {
            return Err(CloseReason::Unauthenticated);
        }
        if self.place.is_none() {
            self.place = Some(self.desk.open.enter(actor.user).ok_or(CloseReason::TooManyStreams)?);
        }
        self.actor.send_replace(Some(actor));
        Ok(())
    }

    /// Begins a subscription, in the place of an earlier one to the same channel and account. The answer to it and its
    /// messages come through the queue. Gives where it stands before its first message, for an account's log that is
    /// followed without a snapshot: with one, nobody stands anywhere until the snapshot has come.
    ///
    /// # Errors
    /// [`StreamError`] when it is refused; the connection stays.
    pub async fn subscribe(&mut self, wish: &Subscribe) -> Result<Option<Position>, StreamError<'static>> {
        let actor = self.actor.borrow().clone().ok_or_else(|| refuse("unauthenticated", "Sign in first."))?;
        if !actor.may(wish.channel.permission()) {
            return Err(refuse("forbidden", "The role does not carry what this channel needs."));
        }
        let key = (wish.channel, wish.account);
        if !self.subscriptions.contains_key(&key) && self.subscriptions.len() >= self.desk.settings.subscriptions {
            return Err(refuse("too_many_subscriptions", "The connection has as many subscriptions as it may."));
        }
        match wish.channel {
            Channel::MarketData => self.subscribe_market(wish),
            channel => self.subscribe_account(&actor, channel, wish).await,
        }
    }

    fn subscribe_market(&mut self, wish: &Subscribe) -> Result<Option<Position>, StreamError<'static>> {
        if wish.symbols.is_empty() || wish.symbols.len() > self.desk.settings.symbols {
            let most = self.desk.settings.symbols;
            return Err(refuse("invalid_subscription", &format!("Name 1 to {most} symbols.")));
        }
        if wish.account.is_some() || wish.after.is_some() || wish.snapshot {
            let detail = "Market data belongs to no account: account, after and snapshot are for the other channels.";
            return Err(refuse("invalid_subscription", detail));
        }
        let after = match (wish.epoch, wish.offset) {
            (None, None) if wish.cursors.len() <= MOST_CURSORS => wish.cursors.clone(),
            (None, None) => return Err(refuse("invalid_subscription", "There are no more than 64 cursors to name.")),
            (Some(_), _) | (_, Some(_)) if !wish.cursors.is_empty() => {
                return Err(refuse("invalid_subscription", "Name epoch and offset, or cursors, not both."));
            }
            (Some(epoch), Some(offset)) => vec![MarketCursor { epoch, offset }],
            _ => return Err(refuse("invalid_subscription", "Name both epoch and offset, or neither.")),
        };
        self.end((Channel::MarketData, None));
        let hub = Arc::clone(&self.desk.market);
        let task = spawn(follow_market(hub, wish.symbols.clone(), after, self.outbox.clone()));
        self.subscriptions.insert((Channel::MarketData, None), task);
        Ok(None)
    }

    async fn subscribe_account(
        &mut self,
        actor: &Actor,
        channel: Channel,
        wish: &Subscribe,
    ) -> Result<Option<Position>, StreamError<'static>> {
        let id = wish.account.ok_or_else(|| refuse("invalid_subscription", "Name the account."))?;
        let of_market = wish.epoch.is_some() || wish.offset.is_some() || !wish.cursors.is_empty();
        if !wish.symbols.is_empty() || of_market {
            return Err(refuse("invalid_subscription", "Symbols, epoch, offset and cursors are for market data."));
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
        let log = Arc::clone(&trading.log);
        if let Some(after) = wish.after.filter(|after| *after > account.seq()) {
            // Another process may have written more than this one has read. Stores count in signed numbers.
            let there = match i64::try_from(after) {
                Ok(_) => log.events(id, after - 1, 1).await,
                Err(_) => Ok(Vec::new()),
            };
            if there.map_err(|_| refuse("store_unavailable", "The log could not be read; try again."))?.is_empty() {
                return Err(refuse("cursor_ahead", &format!("The account has no event {after} yet.")));
            }
        }
        let after = match (wish.snapshot, wish.after) {
            (true, _) | (false, None) => account.seq(),
            (false, Some(after)) => after,
        };
        self.end((channel, Some(id)));
        let start = Position::Log { channel, account: id, seq: after };
        let answer = Notice::Subscribed { channel, account: Some(id), seq: Some(after), resumed: None };
        let snapshot = wish.snapshot.then(|| snapshot(channel, &account));
        let first = First { answer: answer.to_json().into(), snapshot };
        let feed = PrivateFeed::new(&self.desk.hub, log, channel, id, after, self.desk.settings.look_every);
        let task = spawn(follow_account(first, feed, start, self.outbox.clone()));
        self.subscriptions.insert((channel, Some(id)), task);
        if channel == Channel::Alerts && self.mute_feeds.is_none() {
            self.mute_feeds = Some(spawn(follow_mute_feeds(Arc::clone(&self.desk.market), self.outbox.clone())));
        }
        Ok((!wish.snapshot).then_some(start))
    }

    /// Ends a subscription; false when there was none. What waits in the queue still goes out before the answer.
    pub fn unsubscribe(&mut self, channel: Channel, account: Option<AccountId>) -> bool {
        if !self.end((channel, account)) {
            return false;
        }
        if !self.subscriptions.keys().any(|(channel, _)| *channel == Channel::Alerts)
            && let Some(task) = self.mute_feeds.take()
        {
            task.abort();
        }
        let (outbox, notice) = (self.outbox.clone(), Notice::Unsubscribed { channel, account }.to_json());
        spawn(async move {
            // A connection that is gone hears nothing.
            let _ = outbox.send(notice.into(), None).await;
        });
        true
    }

    /// Stops a subscription's task: it shares this thread, so it says nothing more from here on.
    fn end(&mut self, key: (Channel, Option<AccountId>)) -> bool {
        let ended = self.subscriptions.remove(&key);
        ended.iter().for_each(JoinHandle::abort);
        ended.is_some()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.guard.abort();
        self.subscriptions.values().chain(&self.mute_feeds).for_each(JoinHandle::abort);
    }
}

fn refuse(code: &'static str, detail: &str) -> StreamError<'static> {
    StreamError::new(code, detail)
}
