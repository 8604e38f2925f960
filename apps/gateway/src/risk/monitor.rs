//! [`RiskMonitor`]: judges the accounts that are watched whenever the market, or what they hold, has moved.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use metrics::{counter, gauge};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use velox_kafka::TopicRecord;
use velox_kernel::{AccountId, CommandId, Fence, Ids, Principal, ShardStore};
use velox_trading::{
    AccountWriter, Cause, Command, ExecuteError, Executed, Moments, Prices, StoreError, TradingQueries,
};

use super::backlog::Backlog;
use super::progress::Progress;
use super::records::{RiskRecords, Said};
use super::watched::Watched;
use crate::accounts::{Hub, Lanes, Touched, answer_of};
use crate::shards::{GroupRecord, Held, shard_of};
use crate::shutdown::Shutdown;

/// Accounts that are read from the store at a time.
const PAGE: u32 = 500;
/// Accounts that are asked of their writers at once.
const AT_ONCE: usize = 16;
/// Records that are taken between two looks.
const RECORDS: usize = 4_096;
/// How long a writer may take until the next look asks it again.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long an account is left alone whose log is damaged.
const DAMAGED: Duration = Duration::from_secs(60);

/// How often the monitor looks.
#[derive(Clone, Copy, Debug)]
pub struct RiskSettings {
    /// At the market, and at what was told of accounts.
    pub look_every: Duration,
    /// Into the store, for limits of which nothing was told.
    pub list_every: Duration,
    /// At how far records are worked off, to note it.
    pub note_every: Duration,
}

impl Default for RiskSettings {
    fn default() -> Self {
        Self {
            look_every: Duration::from_millis(100),
            list_every: Duration::from_secs(30),
            note_every: Duration::from_secs(1),
        }
    }
}

/// What the monitor works with.
#[derive(Clone)]
pub struct RiskPorts {
    /// The accounts' writers.
    pub lanes: Arc<Lanes>,
    /// Tells what was committed.
    pub hub: Arc<Hub>,
    /// Where accounts are found.
    pub queries: Arc<dyn TradingQueries>,
    /// Where it is noted how far records are worked off.
    pub shards: Arc<dyn ShardStore>,
    /// The market's prices.
    pub prices: Arc<dyn Prices>,
    /// The clocks.
    pub moments: Arc<dyn Moments>,
    /// Names for commands.
    pub ids: Arc<dyn Ids>,
}

/// Which accounts this process watches.
pub enum RiskShare {
    /// All: no other process can have the store.
    All,
    /// Those of the shards that it holds.
    Shards(Held),
    /// Those of the partitions that the group gives it, whose records tell what happens to them.
    Group {
        /// The partitions.
        held: Held,
        /// Their records.
        records: mpsc::Receiver<GroupRecord>,
        /// Who reads them.
        reader: RiskRecords,
        /// Where to say, of a partition, which record is the next to be worked off.
        positions: mpsc::Sender<(u32, u64)>,
        /// Where to say of which partitions no more records are wanted for now.
        held_back: watch::Sender<Vec<Fence>>,
    },
}

/// Watches accounts and has those halted whose loss of the trading day has reached its limit.
pub struct RiskMonitor {
    ports: RiskPorts,
    settings: RiskSettings,
    share: RiskShare,
    watched: Watched,
    /// The rights to the shards whose accounts are listed.
    listed: BTreeMap<u32, Fence>,
    /// Accounts that are to be read anew.
    stale: HashSet<AccountId>,
    /// Accounts whose logs are damaged, and when that was seen: they are left alone for a while.
    damaged: HashMap<AccountId, Instant>,
    /// Accounts that are to be judged.
    unjudged: HashSet<AccountId>,
    progress: BTreeMap<u32, Progress>,
    /// Records that came and are not taken yet: the registry may be away.
    backlog: Backlog,
    list_at: Instant,
    note_at: Instant,
}

impl RiskMonitor {
    /// A monitor of this share.
    #[must_use]
    pub fn new(ports: RiskPorts, share: RiskShare, settings: RiskSettings) -> Self {
        let now = Instant::now();
        Self {
            ports,
            settings,
            share,
            watched: Watched::default(),
            listed: BTreeMap::new(),
            stale: HashSet::new(),
            damaged: HashMap::new(),
            unjudged: HashSet::new(),
            progress: BTreeMap::new(),
            backlog: Backlog::default(),
            list_at: now,
            note_at: now,
        }
    }

    /// Watches until the shutdown begins.
    pub async fn run(mut self, shutdown: Shutdown) {
        let leaving = shutdown.begun();
        tokio::pin!(leaving);
        tokio::select! {
            () = &mut leaving => {}
            () = self.watch() => {}
        }
        // What was begun is with the accounts' writers, and the next one reads the records again.
        self.note(true).await;
    }

    async fn watch(&mut self) {
        let mut look = interval(self.settings.look_every);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            let fences = self.follow_share().await;
            self.take_words();
            self.take_records(fences.as_ref());
            self.read_stale().await;
            self.judge(fences.as_ref()).await;
            self.note(false).await;
            gauge!("velox_risk_watched_accounts").set(f64::from(u32::try_from(self.watched.len()).unwrap_or(u32::MAX)));
        }
    }

    /// The rights to its shards, `None` where it watches all; the accounts of those that are new are listed.
    async fn follow_share(&mut self) -> Option<BTreeMap<u32, Fence>> {
        let held = match &self.share {
            RiskShare::All => None,
            RiskShare::Shards(held) | RiskShare::Group { held, .. } => Some(held.clone()),
        };
        let (fences, count) = match &held {
            Some(held) => (held.now(), held.count()),
            // One shard, to which nobody else can have a right.
            None => (BTreeMap::from([(0, Fence { role: "risk", shard: 0, epoch: 0 })]), 1),
        };
        self.listed.retain(|shard, fence| fences.get(shard) == Some(fence));
        self.progress.retain(|shard, progress| fences.get(shard) == Some(&progress.fence));
        let kept: BTreeSet<u32> = self.listed.keys().copied().collect();
        let is_ours = |account| kept.contains(&shard_of(account, count));
        self.watched.keep(is_ours);
        self.stale.retain(|account| is_ours(*account));
        self.unjudged.retain(|account| is_ours(*account));
        let is_due = Instant::now() >= self.list_at;
        if is_due || self.listed.len() < fences.len() {
            let is_wanted = |shard: &u32| is_due || !kept.contains(shard);
            let wanted: BTreeMap<u32, Fence> =
                fences.iter().filter(|(shard, _)| is_wanted(shard)).map(|(a, b)| (*a, *b)).collect();
            match self.list(&wanted, count).await {
                Ok(()) => {
                    self.listed.extend(wanted);
                    if is_due {
                        self.list_at = Instant::now() + self.settings.list_every;
                    }
                }
                Err(error) => tracing::debug!(%error, "the accounts to watch could not be listed; it is tried again"),
            }
        }
        held.map(|_| fences)
    }

    /// Finds the accounts of shards that are to be watched.
    async fn list(&mut self, shards: &BTreeMap<u32, Fence>, count: u32) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.ports.queries.loss_limited_accounts(after, PAGE).await?;
            after = page.last().map(|row| row.id);
            let is_full = page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
            let ours =
                page.into_iter().map(|row| row.id).filter(|account| shards.contains_key(&shard_of(*account, count)));
            self.stale.extend(ours.filter(|account| !self.watched.has(*account)));
            if !is_full {
                return Ok(());
            }
        }
    }

    /// Whether an account is of a shard that is listed.
    fn is_ours(&self, account: AccountId) -> bool {
        match &self.share {
            RiskShare::All => true,
            RiskShare::Shards(held) | RiskShare::Group { held, .. } => {
                self.listed.contains_key(&shard_of(account, held.count()))
            }
        }
    }

    /// Whether something of an account changed that is watched, or may have to be.
    fn concerns(&self, account: AccountId, touched: Touched) -> bool {
        let matters = match touched {
            Touched::Orders => false,
            Touched::Holdings => self.watched.has(account) || self.stale.contains(&account),
            Touched::Rights => true,
        };
        matters && self.is_ours(account)
    }

    /// Takes what this process and others were told to have committed. Any word may be missing.
    fn take_words(&mut self) {
        let (touched, any) = self.ports.hub.take_touched();
        if any {
            self.stale.extend(self.watched.ids());
            self.list_at = Instant::now();
        }
        let concerned: Vec<AccountId> =
            touched.into_iter().filter(|(id, touched)| self.concerns(*id, *touched)).map(|(id, _)| id).collect();
        self.stale.extend(concerned);
    }

    /// Takes the records that have come, as far as they can be understood: each partition waits for itself.
    fn take_records(&mut self, fences: Option<&BTreeMap<u32, Fence>>) {
        let RiskShare::Group { records, .. } = &mut self.share else { return };
        // Of a right that is gone: whoever has it now reads the record.
        let is_held = |fence: &Fence| fences.and_then(|fences| fences.get(&fence.shard)) == Some(fence);
        self.backlog.keep(is_held);
        for _ in 0..RECORDS {
            if self.backlog.is_full() {
                break;
            }
            let Ok(GroupRecord { fence, record }) = records.try_recv() else { break };
            if is_held(&fence) {
                self.backlog.push(fence, record);
            }
        }
        for partition in self.backlog.due() {
            self.take_records_of(partition);
        }
        let RiskShare::Group { held_back, .. } = &self.share else { return };
        let wanted = self.backlog.held_back();
        held_back.send_if_modified(|said| {
            let is_other = *said != wanted;
            *said = wanted;
            is_other
        });
    }

    /// Takes the records of a partition up to the first that cannot be understood yet.
    fn take_records_of(&mut self, partition: u32) {
        loop {
            let RiskShare::Group { reader, .. } = &self.share else { return };
            let Some((fence, record)) = self.backlog.first(partition) else { return };
            match reader.read(record) {
                // Asked for.
                None => return,
                Some(Ok(said)) => {
                    if let Some(record) = self.backlog.read(partition) {
                        self.take_record(fence, &record, said);
                    }
                }
                Some(Err(not_now)) => {
                    self.backlog.put_off(partition, &not_now);
                    return;
                }
            }
        }
    }

    fn take_record(&mut self, fence: Fence, record: &TopicRecord, said: Said) {
        let judged = match &said {
            Said::Changed(account, touched) => Some(*account).filter(|account| self.concerns(*account, *touched)),
            Said::Unreadable(_) => None,
        };
        self.stale.extend(judged);
        // What is left alone is worked off as far as can be.
        let judged = judged.filter(|account| !self.damaged.contains_key(account));
        let progress = self.progress.entry(fence.shard).or_insert_with(|| Progress::new(fence));
        progress.read(record.offset, judged);
        if let Said::Unreadable(posting) = said {
            progress.posts(record.offset, posting);
        }
    }

    /// Reads anew what has changed. What cannot be read now is read with the next look.
    async fn read_stale(&mut self) {
        self.damaged.retain(|_, seen| seen.elapsed() < DAMAGED);
        let lanes = &self.ports.lanes;
        let readable = self.stale.iter().copied().filter(|id| !self.damaged.contains_key(id));
        let reading = readable.map(|id| async move { (id, timeout(PATIENCE, lanes.read(id)).await) });
        let read: Vec<(AccountId, _)> =
            stream::iter(reading.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).collect().await;
        for (id, account) in read {
            match account {
                Ok(Ok(account)) => {
                    self.stale.remove(&id);
                    self.watched.take(account);
                    self.unjudged.insert(id);
                }
                Ok(Err(ExecuteError::Store(error @ StoreError::Corrupt(_)))) => {
                    tracing::error!(account = %id, %error, "an account cannot be watched: it is left alone for a minute");
                    self.damaged.insert(id, Instant::now());
                    self.watched.forget(id);
                    self.unjudged.remove(&id);
                    // Its records are worked off as far as can be.
                    if let Some(progress) = self.progress_of(id) {
                        progress.judged(id);
                    }
                }
                missed => tracing::debug!(account = %id, ?missed, "an account could not be read; it is tried again"),
            }
        }
    }

    /// Judges whoever has changed, and whoever holds what has moved.
    async fn judge(&mut self, fences: Option<&BTreeMap<u32, Fence>>) {
        let market_time = self.ports.moments.now().market_time;
        self.unjudged.extend(self.watched.moved(&*self.ports.prices));
        let (mut over, mut done) = (Vec::new(), Vec::new());
        for id in self.unjudged.iter().copied() {
            let lost = self.watched.get(id).map(|account| account.daily_loss(market_time, &*self.ports.prices));
            match lost {
                // A loss that does not fit into a number has reached any limit.
                Some(Ok(check)) if check.passed => done.push(id),
                Some(_) => over.push(id),
                None => done.push(id),
            }
        }
        for id in done {
            self.is_judged(id);
        }
        self.enforce(over, fences).await;
    }

    fn is_judged(&mut self, account: AccountId) {
        self.unjudged.remove(&account);
        // What could not be read is judged again once it is.
        if !self.stale.contains(&account)
            && let Some(progress) = self.progress_of(account)
        {
            progress.judged(account);
        }
    }

    fn progress_of(&mut self, account: AccountId) -> Option<&mut Progress> {
        let RiskShare::Group { held, .. } = &self.share else { return None };
        self.progress.get_mut(&shard_of(account, held.count()))
    }

    /// Has the accounts' writers decide, several at a time: one that does not answer is in few others' way. What could not
    /// be done is done with the next look.
    async fn enforce(&mut self, accounts: Vec<AccountId>, fences: Option<&BTreeMap<u32, Fence>>) {
        let decisions: Vec<Decision> = accounts.into_iter().filter_map(|id| self.decision(id, fences)).collect();
        let ports = &self.ports;
        let asking = decisions.into_iter().map(|decision| async move {
            let Decision { account, .. } = decision;
            (account, timeout(PATIENCE, decision.ask(ports)).await)
        });
        let answers: Vec<(AccountId, _)> =
            stream::iter(asking.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).collect().await;
        for (account, answer) in answers {
            match answer {
                Ok(answer) => self.decided(account, answer),
                Err(_) => tracing::debug!(%account, "a loss is enforced with the next look: no answer came"),
            }
        }
    }

    /// What to ask an account's writer, unless the right to its shard is gone.
    fn decision(&mut self, account: AccountId, fences: Option<&BTreeMap<u32, Fence>>) -> Option<Decision> {
        let fence = match (fences, &self.share) {
            (Some(fences), RiskShare::Shards(held) | RiskShare::Group { held, .. }) => {
                Some(*fences.get(&shard_of(account, held.count()))?)
            }
            _ => None,
        };
        let is_stale = self.stale.contains(&account);
        let position = self
            .progress_of(account)
            .map(|progress| if is_stale { progress.position() } else { progress.position_without(account) });
        Some(Decision { account, fence, position })
    }

    fn decided(&mut self, account: AccountId, answer: Result<Executed, ExecuteError>) {
        match answer {
            Ok(Executed { events, account: after }) => {
                if !events.is_empty() {
                    counter!("velox_risk_halts_total").increment(1);
                    tracing::warn!(%account, "the loss of the trading day has reached its limit: the account was halted");
                }
                self.watched.take(after);
                self.is_judged(account);
            }
            Err(ExecuteError::Fenced) => {
                counter!("velox_risk_fenced_total").increment(1);
                tracing::info!(%account, "another process watches this account by now");
            }
            Err(ExecuteError::Refused(refused)) => {
                tracing::error!(%account, %refused, "a loss that has reached its limit could not be enforced");
                self.watched.forget(account);
                self.is_judged(account);
            }
            Err(error) => tracing::debug!(%account, %error, "a loss is enforced with the next look"),
        }
    }

    /// Notes how far records are worked off, where that has changed.
    async fn note(&mut self, at_once: bool) {
        let RiskShare::Group { positions, .. } = &self.share else { return };
        if !at_once && Instant::now() < self.note_at {
            return;
        }
        self.note_at = Instant::now() + self.settings.note_every;
        for (partition, progress) in &mut self.progress {
            let position = progress.position();
            if progress.noted == Some(position) {
                continue;
            }
            match timeout(PATIENCE, self.ports.shards.set_position(progress.fence, position)).await {
                Ok(Ok(true)) => {
                    progress.noted = Some(position);
                    // For those who look at the group; they see a later one.
                    let _ = positions.try_send((*partition, position));
                }
                Ok(Ok(false)) => counter!("velox_risk_fenced_total").increment(1),
                missed => tracing::debug!(partition, ?missed, "a position is noted later"),
            }
        }
    }
}

/// What an account's writer is asked to decide.
#[derive(Clone, Copy)]
struct Decision {
    account: AccountId,
    /// The right under which it is asked.
    fence: Option<Fence>,
    /// The records up to here are worked off with what is decided, or not at all.
    position: Option<u64>,
}

impl Decision {
    async fn ask(self, ports: &RiskPorts) -> Result<Executed, ExecuteError> {
        let command = CommandId::new(ports.ids.next());
        let cause = Cause { actor: Principal::System, command, request: None, trace: None };
        let (lanes, enforce) = (&ports.lanes, Command::EnforceDailyLoss);
        let answer = match (self.fence, self.position) {
            (Some(fence), Some(position)) => lanes.enqueue_at(self.account, enforce, cause, fence, position).await?,
            _ => lanes.enqueue(self.account, enforce, cause, self.fence).await?,
        };
        answer_of(answer).await
    }
}
