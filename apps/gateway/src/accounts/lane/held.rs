//! [`HeldAccounts`]: the accounts whose state a lane holds.

use std::collections::HashMap;

use velox_kernel::AccountId;
use velox_trading::{LiveAccount, Snapshot};

/// Rounds for which an account that was fought over is decided under its lock at once, after the last time that somebody
/// else was found to have written to it meanwhile. A lock that nobody else wants costs one way more to the store; a try
/// without it that is beaten costs the whole decision and its commit.
const WARY: u64 = 8;

/// The accounts that a lane holds, no more than its bound after each round.
pub(super) struct HeldAccounts {
    accounts: HashMap<AccountId, Held>,
    round: u64,
    most: usize,
    snapshot_every: u64,
}

struct Held {
    live: LiveAccount,
    /// The round in which it was used last.
    used: u64,
    /// The round in which another process was last found in the way.
    contended: Option<u64>,
}

impl HeldAccounts {
    /// Holds `most` accounts between rounds; a snapshot of one is due after so many events.
    pub(super) fn new(most: usize, snapshot_every: u64) -> Self {
        Self { accounts: HashMap::new(), round: 0, most: most.max(1), snapshot_every: snapshot_every.max(1) }
    }

    pub(super) fn begin_round(&mut self) {
        self.round += 1;
    }

    /// An account, where it is held, which is used in this round.
    pub(super) fn use_account(&mut self, account: AccountId) -> Option<&LiveAccount> {
        let held = self.accounts.get_mut(&account)?;
        held.used = self.round;
        Some(&held.live)
    }

    /// An account, where it is held.
    pub(super) fn get(&self, account: AccountId) -> Option<&LiveAccount> {
        self.accounts.get(&account).map(|held| &held.live)
    }

    /// The account to go on with when it is held, to change it where it stands.
    pub(super) fn get_mut(&mut self, account: AccountId) -> Option<&mut LiveAccount> {
        self.accounts.get_mut(&account).map(|held| &mut held.live)
    }

    /// Holds an account as it was read.
    pub(super) fn hold(&mut self, account: AccountId, live: LiveAccount) {
        if live.head().seq > 0 {
            self.accounts.insert(account, Held { live, used: self.round, contended: None });
        }
    }

    /// Holds an account as it is after this round, in which so many events were appended to it here, and gives the
    /// snapshot that is due: whoever appends the event whose number says so keeps it, so that one process does.
    pub(super) fn remember(&mut self, account: AccountId, live: LiveAccount, appended: u64) -> Option<Snapshot> {
        let seq = live.head().seq;
        if seq == 0 {
            return None;
        }
        let contended = self.accounts.get(&account).and_then(|held| held.contended);
        let due = seq / self.snapshot_every > seq.saturating_sub(appended) / self.snapshot_every;
        let snapshot = due.then(|| live.snapshot());
        self.accounts.insert(account, Held { live, used: self.round, contended });
        snapshot
    }

    /// Notes that another process was in the way of an account's commands in this round.
    pub(super) fn note_contended(&mut self, account: AccountId) {
        if let Some(held) = self.accounts.get_mut(&account) {
            held.contended = Some(self.round);
        }
    }

    /// Whether another process was in the way of an account's commands a moment ago.
    pub(super) fn is_contended(&self, account: AccountId) -> bool {
        let contended = self.accounts.get(&account).and_then(|held| held.contended);
        contended.is_some_and(|round| self.round - round <= WARY)
    }

    /// Lets go of an account: what the store holds now is to be read again.
    pub(super) fn let_go(&mut self, account: AccountId) {
        self.accounts.remove(&account);
    }

    /// Lets go of all.
    pub(super) fn clear(&mut self) {
        self.accounts.clear();
    }

    /// Keeps the number of accounts within its bound, letting go of the half that was used longest ago.
    pub(super) fn forget_the_idle(&mut self) {
        if self.accounts.len() <= self.most {
            return;
        }
        let mut used: Vec<u64> = self.accounts.values().map(|held| held.used).collect();
        let middle = used.len() / 2;
        let (_, median, _) = used.select_nth_unstable(middle);
        let median = *median;
        self.accounts.retain(|_, held| held.used > median);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use velox_kernel::Digest;
    use velox_trading::Account;

    use super::*;

    fn account(number: u128) -> AccountId {
        AccountId::new(Uuid::from_u128(number))
    }

    /// An account that is held; what is in it does not matter here.
    fn hold(held: &mut HeldAccounts, account: AccountId) {
        let live = LiveAccount::from_snapshot(Snapshot { account: Account::unopened(account), hash: Digest::ZERO });
        held.accounts.insert(account, Held { live, used: held.round, contended: None });
    }

    #[test]
    fn whoever_was_in_the_way_is_forgotten_after_some_rounds() {
        let mut held = HeldAccounts::new(4, 100);
        held.begin_round();
        hold(&mut held, account(1));
        assert!(!held.is_contended(account(1)));
        held.note_contended(account(1));
        for _ in 0..=WARY {
            assert!(held.is_contended(account(1)));
            held.begin_round();
        }
        assert!(!held.is_contended(account(1)));
    }

    #[test]
    fn the_half_that_was_used_longest_ago_is_let_go() {
        let mut held = HeldAccounts::new(4, 100);
        for number in 1..=6 {
            held.begin_round();
            hold(&mut held, account(number));
        }
        held.begin_round();
        assert!(held.use_account(account(1)).is_some());
        held.forget_the_idle();
        let left: Vec<_> = (1..=6).filter(|number| held.get(account(*number)).is_some()).collect();
        assert_eq!(left, [1, 6]);
    }
}
