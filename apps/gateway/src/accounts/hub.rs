//! [`Hub`]: tells streams and the executor what was committed. It only wakes: whoever misses a word reads the store.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use actix_web::web::Bytes;
use parking_lot::RwLock;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use velox_kernel::{AccountId, OrderId};
use velox_trading::{Account, Append, Order, OrderStatus, RecordedEvent};

use super::moved::Moved;
use super::touched::{Touched, TouchedAccounts};
use crate::peers::Teller;

/// Commits a follower of one account may lag behind before it has to read the store.
const BACKLOG: usize = 256;
/// Orders that may wait for the executor before it has to look for them in the store.
const WORK: usize = 16_384;
/// Orders that may wait for the executor before the accounts take in no more of clients: it does some thousands a
/// second, and an order that waits longer than its bound is never sent.
const ENOUGH: usize = 4_096;

/// Events of one account that became durable together.
#[derive(Debug)]
pub struct Committed {
    /// The account.
    pub account: AccountId,
    /// The account's newest event.
    pub newest: u64,
    /// The events, in order, without a gap; none of those that another process committed.
    pub events: Vec<RecordedEvent>,
    /// Each event as it goes out on each private channel, and the `prev_seq` it was written with: written once by
    /// whoever sends it first, shared by all who send the same.
    pub forms: Vec<[OnceLock<(u64, Bytes)>; 3]>,
}

/// Tells what was committed in this process, and that others have committed.
pub struct Hub {
    followers: RwLock<HashMap<AccountId, broadcast::Sender<Arc<Committed>>>>,
    work: RwLock<mpsc::Sender<Order>>,
    taken: watch::Sender<()>,
    /// Others have orders that wait for a broker.
    elsewhere: Arc<Notify>,
    /// Something was committed, here or elsewhere.
    committed: Arc<Notify>,
    moved: Moved,
    touched: TouchedAccounts,
    teller: Arc<Teller>,
}

/// Where the executor hears of orders that need a broker.
pub struct Work {
    orders: mpsc::Receiver<Order>,
    taken: watch::Sender<()>,
    elsewhere: Arc<Notify>,
}

impl Work {
    /// Takes up to `most` orders, waiting for the first; 0 when nobody will tell of one any more.
    pub async fn recv_many(&mut self, orders: &mut Vec<Order>, most: usize) -> usize {
        let count = self.orders.recv_many(orders, most).await;
        self.taken.send_replace(());
        count
    }

    /// Is notified when another process has said that an order waits in the store.
    #[must_use]
    pub fn elsewhere(&self) -> Arc<Notify> {
        Arc::clone(&self.elsewhere)
    }
}

impl Drop for Work {
    /// Nobody waits for one who is gone.
    fn drop(&mut self) {
        self.orders.close();
        self.taken.send_replace(());
    }
}

impl Hub {
    /// A hub, and where the executor hears of orders that need a broker.
    #[must_use]
    pub fn new() -> (Arc<Self>, Work) {
        Self::telling(Teller::to_nobody())
    }

    /// A hub that tells the other processes, too.
    #[must_use]
    pub fn telling(teller: Arc<Teller>) -> (Arc<Self>, Work) {
        let (work, orders) = mpsc::channel(WORK);
        let (taken, elsewhere) = (watch::Sender::new(()), Arc::<Notify>::default());
        let listener = Work { orders, taken: taken.clone(), elsewhere: Arc::clone(&elsewhere) };
        let hub = Self {
            followers: RwLock::default(),
            work: RwLock::new(work),
            taken,
            elsewhere,
            committed: Arc::default(),
            moved: Moved::default(),
            touched: TouchedAccounts::default(),
            teller,
        };
        (Arc::new(hub), listener)
    }

    /// Where the executor hears of orders from now on; who listened before hears no more.
    #[must_use]
    pub fn renew_work(&self) -> Work {
        let (work, orders) = mpsc::channel(WORK);
        *self.work.write() = work;
        Work { orders, taken: self.taken.clone(), elsewhere: Arc::clone(&self.elsewhere) }
    }

    /// Whether there is an executor here.
    pub(super) fn has_executor(&self) -> bool {
        !self.work.read().is_closed()
    }

    /// Whether the executor keeps up, or there is none here to wait for.
    pub(super) fn has_room(&self) -> bool {
        let work = self.work.read();
        work.is_closed() || work.max_capacity() - work.capacity() < ENOUGH
    }

    /// Returns once the executor keeps up.
    pub(super) async fn room(&self) {
        let mut taken = self.taken.subscribe();
        while !self.has_room() {
            // The sender lives in `self`.
            let _ = taken.changed().await;
        }
    }

    /// Is notified when something was committed, here or elsewhere. It has room for one who waits.
    #[must_use]
    pub fn committed(&self) -> Arc<Notify> {
        Arc::clone(&self.committed)
    }

    /// The accounts of which it was told, since this was last asked, that more than their orders changed; and whether any
    /// other may have changed as well. For one who watches.
    #[must_use]
    pub fn take_touched(&self) -> (HashMap<AccountId, Touched>, bool) {
        self.touched.take()
    }

    /// What is committed for an account from now on.
    #[must_use]
    pub fn follow(&self, account: AccountId) -> broadcast::Receiver<Arc<Committed>> {
        let mut followers = self.followers.write();
        followers.retain(|_, sender| sender.receiver_count() > 0);
        followers.entry(account).or_insert_with(|| broadcast::channel(BACKLOG).0).subscribe()
    }

    /// Tells of a commit, and of the orders in it that now wait for a broker.
    pub fn tell(&self, account: AccountId, events: Vec<RecordedEvent>, waiting: Vec<Order>) {
        let newest = events.last().map_or(0, |event| event.seq);
        let touched = Touched::by(&events);
        self.touched.note(account, touched);
        self.teller.tell_commit(account, newest, !waiting.is_empty(), touched);
        self.committed.notify_one();
        self.hand_over(waiting);
        let followers = self.followers.read();
        if let Some(sender) = followers.get(&account) {
            // Nobody listening is no failure.
            let forms = events.iter().map(|_| Default::default()).collect();
            let _ = sender.send(Arc::new(Committed { account, newest, events, forms }));
        }
    }

    /// Which accounts other processes said to have written to.
    pub(super) const fn moved(&self) -> &Moved {
        &self.moved
    }

    /// Gives the executor orders that wait for a broker.
    pub(super) fn hand_over(&self, waiting: Vec<Order>) {
        if waiting.is_empty() {
            return;
        }
        let work = self.work.read();
        for order in waiting {
            // A full queue loses nothing: the executor also looks into the store.
            let _ = work.try_send(order);
        }
    }

    /// Tells the executor that orders wait which it finds in the store.
    pub fn look_for_work(&self) {
        self.elsewhere.notify_one();
    }

    /// Tells that another process has committed: whoever follows the account reads the store, as the account's writer
    /// does before it decides again.
    pub fn tell_elsewhere(&self, account: AccountId, newest: u64, touched: Touched) {
        self.moved.note(account, newest);
        self.touched.note(account, touched);
        self.committed.notify_one();
        if let Some(sender) = self.followers.read().get(&account) {
            let _ = sender.send(Arc::new(Committed { account, newest, events: vec![], forms: vec![] }));
        }
    }

    /// Tells that others may have committed anything: whoever follows an account reads the store.
    pub fn tell_missed(&self) {
        self.touched.note_any();
        self.committed.notify_one();
        self.elsewhere.notify_one();
        for (account, sender) in &*self.followers.read() {
            let unknown = Committed { account: *account, newest: u64::MAX, events: vec![], forms: vec![] };
            let _ = sender.send(Arc::new(unknown));
        }
    }
}

/// The orders of a commit that now wait for a call to their broker.
pub(super) fn waiting(append: &Append) -> Vec<Order> {
    append.projection.orders.iter().filter(|order| waits(order)).cloned().collect()
}

/// The orders among these that now wait for a call to their broker.
pub(super) fn waiting_among(account: &Account, orders: impl Iterator<Item = OrderId>) -> Vec<Order> {
    orders.filter_map(|order| account.open_order(order)).filter(|order| waits(order)).cloned().collect()
}

/// Whether an order waits for a call to its broker.
pub(super) const fn waits(order: &Order) -> bool {
    matches!(order.status, OrderStatus::PendingNew | OrderStatus::PendingCancel | OrderStatus::PendingReplace)
}
