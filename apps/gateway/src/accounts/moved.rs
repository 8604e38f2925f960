//! [`Moved`]: which accounts other processes are said to have written to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use velox_kernel::AccountId;

/// Accounts in one of the two generations that are remembered.
const GENERATION: usize = 32_768;

/// Remembers how far other processes said that accounts' logs had grown, for the accounts they told of last. Only words:
/// any of them may be missing, late, or wrong. An account is forgotten once it was asked about, so that a wrong word costs
/// one look into the store.
#[derive(Default)]
pub(super) struct Moved {
    /// Whether anything was ever told: where there is one process, nothing is.
    used: AtomicBool,
    told: Mutex<Told>,
}

/// Two generations: when the newer one is full, the older one is forgotten.
#[derive(Default)]
struct Told {
    newer: HashMap<AccountId, u64>,
    older: HashMap<AccountId, u64>,
}

impl Moved {
    /// Notes that an account's log is said to have grown to `seq`.
    pub(super) fn note(&self, account: AccountId, seq: u64) {
        let mut told = self.told.lock();
        if told.newer.len() >= GENERATION && !told.newer.contains_key(&account) {
            told.older = std::mem::take(&mut told.newer);
        }
        let newest = told.newer.entry(account).or_insert(seq);
        *newest = (*newest).max(seq);
        drop(told);
        self.used.store(true, Ordering::Release);
    }

    /// How far the log of each account is said to have grown, where anything was said; 0 where not. It is forgotten.
    pub(super) fn take(&self, accounts: impl ExactSizeIterator<Item = AccountId>) -> Vec<u64> {
        if !AtomicBool::load(&self.used, Ordering::Acquire) {
            return accounts.map(|_| 0).collect();
        }
        let mut told = self.told.lock();
        let mut take = |account| {
            let (newer, older) = (told.newer.remove(&account), told.older.remove(&account));
            newer.max(older).unwrap_or(0)
        };
        accounts.map(&mut take).collect()
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
    fn the_farthest_word_counts_and_is_forgotten_when_it_was_asked_for() {
        let moved = Moved::default();
        assert_eq!(moved.take([account(1)].into_iter()), [0]);
        for seq in [7, 9, 8] {
            moved.note(account(1), seq);
        }
        assert_eq!(moved.take([account(2), account(1)].into_iter()), [0, 9]);
        assert_eq!(moved.take([account(1)].into_iter()), [0]);
    }

    #[test]
    fn no_more_than_two_generations_are_remembered_and_the_newest_are() {
        let moved = Moved::default();
        for number in 0..3 * GENERATION {
            moved.note(account(number), 1);
        }
        let told = moved.told.lock();
        assert!(told.newer.len() + told.older.len() <= 2 * GENERATION);
        drop(told);
        let newest = moved.take((2 * GENERATION..3 * GENERATION).map(account));
        assert!(newest.iter().all(|seq| *seq == 1));
        assert_eq!(moved.take([account(0)].into_iter()), [0]);
    }
}
