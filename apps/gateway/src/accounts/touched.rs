//! [`Touched`]: what a commit changed of an account, for whoever watches accounts; and [`TouchedAccounts`].

use std::collections::HashMap;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use velox_kernel::AccountId;
use velox_trading::RecordedEvent;

/// Accounts that may wait for whoever watches; beyond it all of them are looked at.
const MOST: usize = 65_536;

/// The most of an account that a commit changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Touched {
    /// Its orders.
    Orders,
    /// What it holds.
    Holdings,
    /// What it may do: its limits, or whether it is halted. So much is thought of a commit of which it is not said.
    #[default]
    Rights,
}

impl Touched {
    /// What events changed.
    #[must_use]
    pub fn by(events: &[RecordedEvent]) -> Self {
        events.iter().map(|event| Self::by_kind(&event.kind)).max().unwrap_or(Self::Orders)
    }

    /// What an event of this kind changes. Of a kind that is not known everything is thought.
    #[must_use]
    pub fn by_kind(kind: &str) -> Self {
        match kind {
            "order_filled" | "cash_moved" => Self::Holdings,
            kind if kind.starts_with("order_") => Self::Orders,
            _ => Self::Rights,
        }
    }
}

/// The accounts of which it was told that more than their orders changed, until they are taken.
#[derive(Default)]
pub(super) struct TouchedAccounts {
    is_watched: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    accounts: HashMap<AccountId, Touched>,
    any: bool,
}

impl TouchedAccounts {
    /// Notes what was changed, once somebody watches.
    pub(super) fn note(&self, account: AccountId, touched: Touched) {
        if touched == Touched::Orders || !self.is_watched.load(Ordering::Acquire) {
            return;
        }
        let mut waiting = self.waiting.lock();
        if waiting.accounts.len() >= MOST && !waiting.accounts.contains_key(&account) {
            waiting.any = true;
            return;
        }
        let most = waiting.accounts.entry(account).or_insert(touched);
        *most = (*most).max(touched);
    }

    /// Notes that any account may have been changed.
    pub(super) fn note_any(&self) {
        self.waiting.lock().any = true;
    }

    /// Takes what was noted since, and whether any other account may have been changed as well. From the first call on
    /// everything is noted; that one says that any may have been.
    pub(super) fn take(&self) -> (HashMap<AccountId, Touched>, bool) {
        let begins = !self.is_watched.swap(true, Ordering::AcqRel);
        let Waiting { accounts, any } = mem::take(&mut *self.waiting.lock());
        (accounts, any || begins)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn account(number: usize) -> AccountId {
        AccountId::new(Uuid::from_u128(u128::try_from(number).unwrap_or(u128::MAX)))
    }

    #[test]
    fn the_most_that_was_changed_is_kept_and_nothing_before_somebody_watches() {
        let touched = TouchedAccounts::default();
        touched.note(account(1), Touched::Rights);
        assert_eq!(touched.take(), (HashMap::new(), true));
        touched.note(account(1), Touched::Holdings);
        touched.note(account(1), Touched::Rights);
        touched.note(account(1), Touched::Holdings);
        touched.note(account(2), Touched::Orders);
        assert_eq!(touched.take(), (HashMap::from([(account(1), Touched::Rights)]), false));
        assert_eq!(touched.take(), (HashMap::new(), false));
    }

    #[test]
    fn beyond_what_may_wait_any_may_have_been_changed() {
        let touched = TouchedAccounts::default();
        touched.take();
        (0..=MOST).for_each(|number| touched.note(account(number), Touched::Holdings));
        let (accounts, any) = touched.take();
        assert_eq!((accounts.len(), any), (MOST, true));
        touched.note_any();
        assert_eq!(touched.take(), (HashMap::new(), true));
    }

    #[test]
    fn events_are_told_apart_by_their_kinds() {
        for (kind, touched) in [
            ("order_accepted", Touched::Orders),
            ("order_filled", Touched::Holdings),
            ("limits_changed", Touched::Rights),
            ("account_halted", Touched::Rights),
            ("something_new", Touched::Rights),
        ] {
            assert_eq!(Touched::by_kind(kind), touched, "{kind}");
        }
    }
}
