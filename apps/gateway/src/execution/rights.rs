//! [`ExecutionRights`]: for which accounts this process executes orders now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::RwLock;
use velox_kernel::{AccountId, Fence};

use crate::shards::shard_of;

/// Into how many shards accounts fall: more processes than this cannot share their execution. Processes that share a
/// database must have the same number.
pub const EXECUTION_SHARDS: u32 = 32;

/// The right to execute an account's orders now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutionRight {
    /// What is written with it names this, and is refused once another process has the right; `None` where no other
    /// process can have the store.
    pub fence: Option<Fence>,
}

/// For which accounts this process executes orders now. Clones share one state.
///
/// A right is granted before it is served: what the books of its accounts say meanwhile, while they are rebuilt, can be
/// brought to the accounts, but no broker is called yet.
#[derive(Clone, Debug, Default)]
pub struct ExecutionRights(Arc<RwLock<State>>);

#[derive(Debug, Default)]
struct State {
    /// No other process can have the store.
    alone: bool,
    granted: BTreeMap<u32, Fence>,
    serving: BTreeSet<u32>,
}

impl ExecutionRights {
    /// Grants the right to all accounts to a process that is alone with its store.
    pub fn grant_all(&self) {
        self.0.write().alone = true;
    }

    /// Grants shards.
    pub fn grant(&self, fences: impl IntoIterator<Item = Fence>) {
        self.0.write().granted.extend(fences.into_iter().map(|fence| (fence.shard, fence)));
    }

    /// Lets brokers be called for shards that are granted.
    pub fn serve(&self, shards: &BTreeSet<u32>) {
        let mut state = self.0.write();
        let State { alone, granted, serving } = &mut *state;
        serving.extend(shards.iter().filter(|shard| *alone || granted.contains_key(shard)));
    }

    /// Takes shards away.
    pub fn revoke(&self, shards: &BTreeSet<u32>) {
        let mut state = self.0.write();
        state.granted.retain(|shard, _| !shards.contains(shard));
        state.serving.retain(|shard| !shards.contains(shard));
    }

    /// What is granted.
    #[must_use]
    pub fn granted(&self) -> BTreeMap<u32, Fence> {
        self.0.read().granted.clone()
    }

    /// The right to bring what the broker says of an account, if this process has it.
    #[must_use]
    pub fn of(&self, account: AccountId) -> Option<ExecutionRight> {
        self.0.read().of(execution_shard(account))
    }

    /// The right to call the broker for an account, if this process has it.
    #[must_use]
    pub fn serving(&self, account: AccountId) -> Option<ExecutionRight> {
        let shard = execution_shard(account);
        let state = self.0.read();
        if state.serving.contains(&shard) { state.of(shard) } else { None }
    }

    /// What is granted and not served.
    #[must_use]
    pub fn not_served(&self) -> BTreeSet<u32> {
        let state = self.0.read();
        state.granted.keys().filter(|shard| !state.serving.contains(shard)).copied().collect()
    }

    /// Whether this process executes for anybody.
    #[must_use]
    pub fn serves_any(&self) -> bool {
        !self.0.read().serving.is_empty()
    }
}

impl State {
    fn of(&self, shard: u32) -> Option<ExecutionRight> {
        if self.alone {
            return Some(ExecutionRight { fence: None });
        }
        self.granted.get(&shard).map(|fence| ExecutionRight { fence: Some(*fence) })
    }
}

/// The shard that an account's execution belongs to.
#[must_use]
pub fn execution_shard(account: AccountId) -> u32 {
    shard_of(account, EXECUTION_SHARDS)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn account() -> (AccountId, u32) {
        let account = AccountId::new(Uuid::from_u128(7));
        (account, execution_shard(account))
    }

    #[test]
    fn a_right_is_granted_before_it_is_served_and_lost_as_a_whole() {
        let (account, shard) = account();
        let rights = ExecutionRights::default();
        assert_eq!((rights.of(account), rights.serving(account), rights.serves_any()), (None, None, false));
        rights.serve(&BTreeSet::from([shard]));
        assert_eq!(rights.serving(account), None, "nothing was granted");
        let fence = Fence { role: "execution", shard, epoch: 3 };
        rights.grant([fence]);
        let right = Some(ExecutionRight { fence: Some(fence) });
        assert_eq!((rights.of(account), rights.serving(account)), (right, None));
        rights.serve(&BTreeSet::from([shard]));
        assert_eq!((rights.of(account), rights.serving(account)), (right, right));
        rights.revoke(&BTreeSet::from([shard]));
        assert_eq!((rights.of(account), rights.serving(account), rights.serves_any()), (None, None, false));
    }

    #[test]
    fn whoever_is_alone_has_every_right_and_needs_no_fence() {
        let rights = ExecutionRights::default();
        rights.grant_all();
        assert_eq!(rights.serving(account().0), None);
        rights.serve(&(0..EXECUTION_SHARDS).collect());
        assert_eq!(rights.serving(account().0), Some(ExecutionRight { fence: None }));
        assert!(rights.serves_any());
    }
}
