//! [`Watched`]: the accounts that are watched, and what each of them holds.

use std::collections::{HashMap, HashSet};

use velox_kernel::{AccountId, Price, Symbol};
use velox_trading::{Account, Prices};

/// Accounts as they were when they were last read, and by what they hold.
#[derive(Default)]
pub(super) struct Watched {
    accounts: HashMap<AccountId, Account>,
    holders: HashMap<Symbol, HashSet<AccountId>>,
    /// What was seen last of what is held.
    seen: HashMap<Symbol, Price>,
}

impl Watched {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether an account is watched.
    pub(super) fn has(&self, account: AccountId) -> bool {
        self.accounts.contains_key(&account)
    }

    /// An account as it was when it was last read.
    pub(super) fn get(&self, account: AccountId) -> Option<&Account> {
        self.accounts.get(&account)
    }

    /// The accounts.
    pub(super) fn ids(&self) -> impl Iterator<Item = AccountId> {
        self.accounts.keys().copied()
    }

    /// Watches an account as it is now, if it trades and its loss is limited; says whether it does. One that was read
    /// before another reading of it came to an end is older than that.
    pub(super) fn take(&mut self, account: Account) -> bool {
        let id = account.id();
        let trades = account.profile().is_some() && account.halt().is_none();
        if !trades || account.limits().daily_loss.is_none() {
            self.forget(id);
            return false;
        }
        if self.accounts.get(&id).is_some_and(|known| known.seq() > account.seq()) {
            return true;
        }
        self.forget(id);
        for symbol in held(&account) {
            self.holders.entry(symbol).or_default().insert(id);
        }
        self.accounts.insert(id, account);
        true
    }

    /// Watches an account no more.
    pub(super) fn forget(&mut self, id: AccountId) {
        let Some(account) = self.accounts.remove(&id) else { return };
        for symbol in held(&account) {
            if let Some(holders) = self.holders.get_mut(&symbol) {
                holders.remove(&id);
                if holders.is_empty() {
                    self.holders.remove(&symbol);
                    self.seen.remove(&symbol);
                }
            }
        }
    }

    /// Watches no account any more that is not wanted.
    pub(super) fn keep(&mut self, is_wanted: impl Fn(AccountId) -> bool) {
        let unwanted: Vec<AccountId> = self.ids().filter(|id| !is_wanted(*id)).collect();
        unwanted.into_iter().for_each(|id| self.forget(id));
    }

    /// Whoever holds something whose price is another one than when this was last asked.
    pub(super) fn moved(&mut self, prices: &dyn Prices) -> HashSet<AccountId> {
        let mut moved = HashSet::new();
        for (symbol, holders) in &self.holders {
            let Some(price) = prices.price(*symbol).map(|market| market.last) else { continue };
            if self.seen.insert(*symbol, price) != Some(price) {
                moved.extend(holders);
            }
        }
        moved
    }
}

fn held(account: &Account) -> impl Iterator<Item = Symbol> {
    account.positions().filter(|position| !position.quantity.is_zero()).map(|position| position.symbol)
}
