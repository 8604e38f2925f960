//! [`PaperBroker`]: the books of many accounts behind the `Broker` port.

mod desk;

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use parking_lot::Mutex;
use velox_kernel::{AccountId, OrderId, Symbol, Timestamp};
use velox_trading::{Broker, BrokerBalance, BrokerError, BrokerOrder, BrokerPosition, Order, Replacement, Report};

use crate::book::PaperBook;
use crate::outbox::{Drained, Outbox};
use crate::settings::{PaperConfig, PaperInstrument};
use crate::tick::Tick;
use desk::Desk;

/// The books of many accounts.
///
/// Reports wait in a queue with a bound, and none is lost. While the queue is full, orders and their changes are
/// answered [`BrokerError::Unreachable`], and ticks are put off, each symbol's newer one in place of its older one:
/// prices in between are missed as they are while the broker is down. A tick says all that it has to say at once, so
/// the queue may pass its bound by the orders that one tick reaches.
///
/// An account is known once it was restored. Until then every question about it is answered `Unreachable`: that a
/// book does not have an order is evidence only when it was rebuilt.
pub struct PaperBroker {
    inner: Arc<Inner>,
}

struct Inner {
    desk: Mutex<Desk>,
    outbox: Arc<Outbox>,
}

impl PaperBroker {
    /// A broker that knows no account and no symbol, whose queue of reports is bounded by `queue`.
    #[must_use]
    pub fn new(queue: usize) -> Self {
        let outbox = Arc::new(Outbox::new(queue.max(PaperBook::MOST_REPORTS)));
        Self { inner: Arc::new(Inner { desk: Mutex::default(), outbox }) }
    }

    /// Lets a symbol be traded, in its steps.
    pub fn set_instrument(&self, symbol: Symbol, instrument: PaperInstrument) {
        self.inner.desk.lock().set_instrument(symbol, instrument);
    }

    /// Opens an account's book with the orders that its log says are at the broker, or adds those that an open book
    /// does not have; the instruments come first. What the account does not know yet is reported, beyond the queue's
    /// bound if need be.
    pub fn restore<'a>(&self, account: AccountId, config: PaperConfig, orders: impl IntoIterator<Item = &'a Order>) {
        self.restore_while(account, config, orders, || true);
    }

    /// [`PaperBroker::restore`], if that may still be done at the moment at which nobody can close the account's book.
    pub fn restore_while<'a>(
        &self,
        account: AccountId,
        config: PaperConfig,
        orders: impl IntoIterator<Item = &'a Order>,
        may: impl FnOnce() -> bool,
    ) {
        let mut desk = self.inner.desk.lock();
        if may() {
            let reports = desk.restore(account, config, orders);
            self.inner.outbox.push(reports);
        }
    }

    /// Changes an account's rules, for what happens from now on; `false` when its book is not open.
    pub fn configure(&self, account: AccountId, config: PaperConfig) -> bool {
        self.inner.desk.lock().configure(account, config)
    }

    /// Closes an account's book without a word about its orders.
    pub fn forget(&self, account: AccountId) {
        self.inner.desk.lock().forget(account);
    }

    /// Closes the books of some accounts, and drops their reports that nobody has taken: what the broker was to them is
    /// left to who rebuilds it. What it knows of the markets stays.
    pub fn forget_where(&self, is_one: impl Fn(AccountId) -> bool) {
        let mut desk = self.inner.desk.lock();
        desk.forget_where(&is_one);
        self.inner.outbox.retain(|report| !is_one(report.account));
    }

    /// Matches all books with what the market said.
    pub fn on_tick(&self, tick: &Tick) {
        let mut desk = self.inner.desk.lock();
        desk.put_off(tick);
        desk.catch_up(&self.inner.outbox);
    }

    /// Ends the orders of all books whose time is up, where their market is silent while market time goes on. It does
    /// nothing while the queue is full: the time comes again.
    pub fn expire(&self, now: Timestamp) {
        let mut desk = self.inner.desk.lock();
        if self.inner.outbox.has_room(1) {
            let reports = desk.expire(now);
            self.inner.outbox.push(reports);
        }
    }

    /// How many reports wait to be taken.
    #[must_use]
    pub fn waiting_reports(&self) -> usize {
        self.inner.outbox.len()
    }

    /// How many ticks were never matched, since a newer one of their symbol came while the queue was full.
    #[must_use]
    pub fn missed_ticks(&self) -> u64 {
        self.inner.desk.lock().missed_ticks()
    }

    /// Takes an order in as [`Broker::place`] does, if whoever hands it over may still do so at the moment at which nobody
    /// can close the account's book.
    ///
    /// # Errors
    /// [`BrokerError::Unreachable`] also when it may not.
    pub fn place_while(&self, order: &Order, may: impl FnOnce() -> bool) -> Result<(), BrokerError> {
        self.with_book(order, may, |book, now| book.place(order, now))
    }

    /// Lets an account's book do something about an order of a symbol, when there is room for what it will say.
    fn with_book(
        &self,
        order: &Order,
        may: impl FnOnce() -> bool,
        act: impl FnOnce(&mut PaperBook, Timestamp) -> Vec<Report>,
    ) -> Result<(), BrokerError> {
        let mut desk = self.inner.desk.lock();
        if !may() {
            return Err(BrokerError::Unreachable("whoever handed the order over may not do so any more".to_owned()));
        }
        desk.catch_up(&self.inner.outbox);
        if !self.inner.outbox.has_room(PaperBook::MOST_REPORTS) {
            return Err(BrokerError::Unreachable("the paper broker's queue of reports is full".to_owned()));
        }
        // The lock is held until the reports are queued, so that they keep their order.
        let reports = desk.act(order, act)?;
        self.inner.outbox.push(reports);
        Ok(())
    }
}

impl Drained for Inner {
    fn drained(&self) {
        self.desk.lock().catch_up(&self.outbox);
    }
}

#[async_trait]
impl Broker for PaperBroker {
    async fn place(&self, order: &Order) -> Result<(), BrokerError> {
        self.with_book(order, || true, |book, now| book.place(order, now))
    }

    async fn cancel(&self, order: &Order) -> Result<(), BrokerError> {
        self.with_book(order, || true, |book, now| book.cancel(order, now))
    }

    async fn replace(&self, order: &Order, replacement: &Replacement) -> Result<(), BrokerError> {
        self.with_book(order, || true, |book, now| book.replace(order, replacement, now))
    }

    async fn find(&self, account: AccountId, order: OrderId) -> Result<Option<BrokerOrder>, BrokerError> {
        Ok(self.inner.desk.lock().book(account)?.find(order))
    }

    async fn open_orders(&self, account: AccountId) -> Result<Vec<BrokerOrder>, BrokerError> {
        Ok(self.inner.desk.lock().book(account)?.open_orders())
    }

    /// Always refused: the account's own log is the only ledger, and an empty answer would say that it is flat.
    async fn positions(&self, _account: AccountId) -> Result<Vec<BrokerPosition>, BrokerError> {
        Err(no_ledger())
    }

    /// Always refused: the account's own log is the only ledger.
    async fn balances(&self, _account: AccountId) -> Result<Vec<BrokerBalance>, BrokerError> {
        Err(no_ledger())
    }

    fn reports(&self) -> BoxStream<'static, Report> {
        let inner: Arc<dyn Drained> = Arc::<Inner>::clone(&self.inner);
        let tell: Weak<dyn Drained> = Arc::downgrade(&inner);
        self.inner.outbox.read(tell).boxed()
    }

    async fn check(&self) -> Result<(), BrokerError> {
        Ok(())
    }
}

fn no_ledger() -> BrokerError {
    BrokerError::Refused("the paper broker keeps no ledger: the account's log is the only one".to_owned())
}
