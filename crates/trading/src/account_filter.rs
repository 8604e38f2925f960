//! [`AccountFilter`]: the accounts that a list is about.

use velox_kernel::AccountId;

/// The accounts that a list is about: all of the tenant's, or some that are named, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter(Vec<AccountId>);

/// More accounts than a list may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must name {} accounts at most", AccountFilter::MOST)]
pub struct TooManyAccounts;

impl AccountFilter {
    /// How many accounts a list may name: each is looked for by itself, and the first of all of them are merged.
    pub const MOST: usize = 20;

    /// These accounts; all of the tenant's when there are none.
    ///
    /// # Errors
    /// [`TooManyAccounts`] when they are more than [`AccountFilter::MOST`].
    pub fn of(accounts: impl IntoIterator<Item = AccountId>) -> Result<Self, TooManyAccounts> {
        let mut named = Vec::new();
        for (place, account) in accounts.into_iter().enumerate() {
            if place == Self::MOST {
                return Err(TooManyAccounts);
            }
            if !named.contains(&account) {
                named.push(account);
            }
        }
        Ok(Self(named))
    }

    /// Those that are named; none when the list is about all of the tenant's.
    #[must_use]
    pub fn named(&self) -> &[AccountId] {
        &self.0
    }

    /// Whether the list is about an account of the tenant.
    #[must_use]
    pub fn admits(&self, account: AccountId) -> bool {
        self.0.is_empty() || self.0.contains(&account)
    }
}

impl From<AccountId> for AccountFilter {
    fn from(account: AccountId) -> Self {
        Self(vec![account])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(range: std::ops::Range<u128>) -> impl Iterator<Item = AccountId> {
        range.map(|number| AccountId::new(uuid::Uuid::from_u128(number)))
    }

    #[test]
    fn each_account_is_named_once_and_not_too_many_are() {
        let twice = AccountFilter::of(ids(0..10).chain(ids(0..10)));
        assert_eq!(twice.map(|filter| filter.named().to_vec()), Ok(ids(0..10).collect()));
        assert_eq!(AccountFilter::of(ids(0..21)), Err(TooManyAccounts));
    }

    #[test]
    fn a_list_that_names_none_is_about_all() {
        assert_eq!(AccountFilter::of(ids(0..0)), Ok(AccountFilter::default()));
        assert!(ids(0..1).all(|id| AccountFilter::default().admits(id)));
        assert!(ids(1..2).all(|id| !AccountFilter::of(ids(0..1)).is_ok_and(|filter| filter.admits(id))));
    }
}
