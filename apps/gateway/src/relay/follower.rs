//! [`Follower`]: one account, event by event, with what each of them changed.

use velox_messages::{AccountMessages, AccountStep};
use velox_trading::{
    DamagedLog, LiveAccount, Order, Projector, RecordedEvent, StoreError, TradingLog, TradingQueries, order_before,
};

/// Events read at a time.
pub(super) const PAGE: u32 = 500;

/// Why an account's log cannot be followed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FollowError {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log is not what was written.
    #[error(transparent)]
    Damaged(#[from] DamagedLog),
}

/// An account as it is after some event.
#[derive(Clone, Debug)]
pub(super) struct Follower(LiveAccount);

impl Follower {
    /// The account as it was after event number `seq`: from the newest snapshot when that is older, else from the start.
    pub(super) async fn at(
        log: &dyn TradingLog,
        account: velox_kernel::AccountId,
        seq: u64,
    ) -> Result<Self, FollowError> {
        let kept = if seq == 0 { None } else { log.snapshot(account).await? };
        let kept = kept.filter(|snapshot| snapshot.account.seq() <= seq);
        let mut live = kept.map_or_else(|| LiveAccount::unopened(account), LiveAccount::from_snapshot);
        while live.head().seq < seq {
            let page = log.events(account, live.head().seq, PAGE).await?;
            let known = page.iter().take_while(|record| record.seq <= seq);
            let mut taken = 0_usize;
            for record in known {
                live.follow(record)?;
                taken += 1;
            }
            if taken == 0 {
                let text = format!("the log of {account} ends before event {seq}, which was published");
                return Err(StoreError::Corrupt(text).into());
            }
        }
        Ok(Self(live))
    }

    /// The number of the event that it stands after.
    pub(super) fn seq(&self) -> u64 {
        self.0.head().seq
    }

    /// Takes the next event in and says what is told of it.
    pub(super) async fn step(
        &mut self,
        record: &RecordedEvent,
        log: &dyn TradingLog,
        queries: &dyn TradingQueries,
    ) -> Result<Option<AccountMessages>, FollowError> {
        let damaged = |source| DamagedLog::Row { account: record.account, source };
        let event = record.event().map_err(damaged)?;
        let closed = match event.fact.order() {
            Some(id) if self.0.account().open_order(id).is_none() => self.closed(record, id, log, queries).await?,
            _ => None,
        };
        let mut projector = Projector::default();
        self.0.follow_with(record, &mut projector, closed.as_ref())?;
        let account = self.0.account();
        let changes = projector.finish(account);
        let Some(profile) = account.profile() else { return Ok(None) };
        Ok(Some(AccountStep { recorded: record, event: &event, profile, changes: &changes }.messages()))
    }

    /// The closed order that an event is about, unless it begins one.
    async fn closed(
        &self,
        record: &RecordedEvent,
        id: velox_kernel::OrderId,
        log: &dyn TradingLog,
        queries: &dyn TradingQueries,
    ) -> Result<Option<Order>, FollowError> {
        match queries.order_of_account(record.account, id).await? {
            Some(now) if now.first_seq < record.seq => Ok(order_before(log, &now, record.seq).await?),
            _ => Ok(None),
        }
    }
}
