//! [`Followers`]: the accounts that were followed last.

use std::collections::HashMap;

use velox_kernel::AccountId;

use super::follower::Follower;

/// Accounts kept in memory. Each is some kilobytes, and read anew when it is needed again.
const MOST: usize = 4_096;

/// The accounts that were followed last, so that none is read anew for each of its events.
#[derive(Default)]
pub(super) struct Followers(HashMap<AccountId, Follower>);

impl Followers {
    /// Takes out an account that stands after event number `seq`.
    pub(super) fn take(&mut self, account: AccountId, seq: u64) -> Option<Follower> {
        self.0.remove(&account).filter(|follower| follower.seq() == seq)
    }

    /// Keeps an account. When there are too many, any other is forgotten.
    pub(super) fn keep(&mut self, account: AccountId, follower: Follower) {
        if self.0.len() >= MOST
            && let Some(other) = self.0.keys().next().copied()
        {
            self.0.remove(&other);
        }
        self.0.insert(account, follower);
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
