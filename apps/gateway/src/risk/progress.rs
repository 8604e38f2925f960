//! [`Progress`]: how far the records of one partition are worked off.

use std::collections::{BTreeMap, HashMap};

use velox_kernel::{AccountId, Fence};

use crate::dead_letters::Posting;

/// How far the records of one partition are worked off, while some of them still have something to follow.
pub(super) struct Progress {
    /// The right to the partition under which they were read.
    pub(super) fence: Fence,
    /// After the last record that was read.
    end: u64,
    /// The accounts that are still to be judged, each by the first record that says so.
    open: BTreeMap<u64, AccountId>,
    offsets: HashMap<AccountId, u64>,
    /// Records that are on their way to the dead letters.
    letters: BTreeMap<u64, Posting>,
    /// What the store was told last.
    pub(super) noted: Option<u64>,
}

impl Progress {
    pub(super) fn new(fence: Fence) -> Self {
        Self { fence, end: 0, open: BTreeMap::new(), offsets: HashMap::new(), letters: BTreeMap::new(), noted: None }
    }

    /// Takes the next record, after which an account is to be judged, or nothing is to follow.
    pub(super) fn read(&mut self, offset: u64, judged: Option<AccountId>) {
        self.end = offset + 1;
        if let Some(account) = judged
            && !self.offsets.contains_key(&account)
        {
            self.offsets.insert(account, offset);
            self.open.insert(offset, account);
        }
    }

    /// The record goes to the dead letters.
    pub(super) fn posts(&mut self, offset: u64, posting: Posting) {
        self.letters.insert(offset, posting);
        self.letters.retain(|_, posting| posting.is_pending());
    }

    /// An account was judged as it is after every record that was read.
    pub(super) fn judged(&mut self, account: AccountId) {
        if let Some(offset) = self.offsets.remove(&account) {
            self.open.remove(&offset);
        }
    }

    /// The position once an account is judged.
    pub(super) fn position_without(&self, account: AccountId) -> u64 {
        self.before(self.open.iter().find(|(_, open)| **open != account).map(|(offset, _)| *offset))
    }

    /// The first record that is not worked off.
    pub(super) fn position(&self) -> u64 {
        self.before(self.open.first_key_value().map(|(offset, _)| *offset))
    }

    /// Up to an account that is to be judged, and a letter that is not sent.
    fn before(&self, judged: Option<u64>) -> u64 {
        let letter = self.letters.iter().find(|(_, posting)| posting.is_pending()).map(|(offset, _)| *offset);
        judged.into_iter().chain(letter).fold(self.end, u64::min)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_record_counts_once_everything_before_it_does() {
        let [one, two] = [1, 2].map(|number| AccountId::new(Uuid::from_u128(number)));
        let mut progress = Progress::new(Fence { role: "risk", shard: 3, epoch: 1 });
        progress.read(4, None);
        assert_eq!(progress.position(), 5);
        progress.read(5, Some(one));
        progress.read(6, Some(two));
        progress.read(7, Some(one));
        progress.read(8, None);
        assert_eq!(progress.position(), 5);
        assert_eq!((progress.position_without(one), progress.position_without(two)), (6, 5));
        progress.judged(two);
        assert_eq!(progress.position(), 5);
        progress.judged(one);
        assert_eq!(progress.position(), 9);
    }
}
