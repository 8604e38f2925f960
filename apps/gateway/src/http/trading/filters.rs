//! Query parameters that several lists share.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};
use velox_kernel::AccountId;
use velox_trading::{AccountFilter, OrderStatus};

/// Several accounts in one parameter: ids separated by commas. All of the tenant's when it is not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AccountList(pub(super) AccountFilter);

impl FromStr for AccountList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ids = text.split(',').map(str::parse).collect::<Result<Vec<AccountId>, _>>();
        let ids = ids.map_err(|error| format!("must be ids of accounts separated by commas; one {error}"))?;
        AccountFilter::of(ids).map(Self).map_err(|error| error.to_string())
    }
}

impl<'de> Deserialize<'de> for AccountList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Several states of orders in one parameter: words separated by commas, `open` and `closed` for all of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StatusList(pub(super) Vec<OrderStatus>);

/// A word that is no state.
#[derive(Debug)]
pub(super) struct UnknownStatus;

impl fmt::Display for UnknownStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be words separated by commas, each one of open, closed")?;
        OrderStatus::ALL.iter().try_for_each(|status| write!(f, ", {}", status.as_str()))
    }
}

impl FromStr for StatusList {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        let mut statuses = Vec::new();
        for word in text.split(',') {
            let before = statuses.len();
            statuses.extend(OrderStatus::ALL.into_iter().filter(|status| match word {
                "open" => status.is_open(),
                "closed" => !status.is_open(),
                word => status.as_str() == word,
            }));
            if statuses.len() == before {
                return Err(UnknownStatus);
            }
        }
        // Asking twice is asking once, and keeps the list as short as there are states.
        Ok(Self(OrderStatus::ALL.into_iter().filter(|status| statuses.contains(status)).collect()))
    }
}

impl<'de> Deserialize<'de> for StatusList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn reads_accounts() {
        let id = |number| AccountId::new(uuid::Uuid::from_u128(number));
        let text = |ids: &[AccountId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let read = |text: &str| text.parse::<AccountList>().map(|list| list.0.named().to_vec());
        assert_eq!(read(&text(&[id(1)])).unwrap(), [id(1)]);
        assert_eq!(read(&text(&[id(2), id(1), id(2)])).unwrap(), [id(2), id(1)]);
        let many: Vec<AccountId> = (0..=20).map(id).collect();
        assert_eq!(read(&text(&many)).unwrap_err(), "must name 20 accounts at most");
        for bad in ["", ",", "acc_1", &format!("{},", id(1)), &format!("{} {}", id(1), id(2))] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reads_words_and_kinds() {
        let read = |text: &str| text.parse::<StatusList>().map(|list| list.0);
        assert_eq!(read("new,filled,new").unwrap(), [OrderStatus::New, OrderStatus::Filled]);
        assert_eq!(read("open,closed").unwrap(), OrderStatus::ALL);
        assert!(read("open").unwrap().iter().all(|status| status.is_open()));
        for bad in ["", "new,", ",", "NEW", "open closed"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
