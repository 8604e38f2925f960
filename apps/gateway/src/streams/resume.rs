//! [`Resume`]: where each subscription of a connection stands, as the `id` of a Server-Sent Event.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use velox_kernel::{AccountId, Cursor, InvalidCursor};

use super::channel::Channel;
use super::market_hub::MarketCursor;
use super::outbox::Position;

/// The most subscriptions read from a cursor.
const MOST: usize = 256;

/// Where each subscription of a connection stands; opaque to clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resume {
    logs: BTreeMap<(Channel, AccountId), u64>,
    /// By part of the market.
    market: BTreeMap<u32, MarketCursor>,
}

impl Resume {
    /// Notes a message that is being sent.
    pub fn note(&mut self, position: Position) {
        match position {
            Position::Log { channel, account, seq } => {
                self.logs.insert((channel, account), seq);
            }
            Position::Market { epoch, offset } => self.note_market(MarketCursor { epoch, offset }),
        }
    }

    /// The last event of a subscription.
    #[must_use]
    pub fn after(&self, channel: Channel, account: AccountId) -> Option<u64> {
        self.logs.get(&(channel, account)).copied()
    }

    fn note_market(&mut self, cursor: MarketCursor) {
        self.market.insert(cursor.part(), cursor);
    }

    /// The last message of each part of the market.
    #[must_use]
    pub fn market(&self) -> Vec<MarketCursor> {
        self.market.values().copied().collect()
    }
}

impl fmt::Display for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> =
            self.logs.iter().map(|((channel, account), seq)| format!("{}|{account}|{seq}", channel.as_str())).collect();
        parts.extend(self.market.values().map(|cursor| format!("market-data|{}|{}", cursor.epoch, cursor.offset)));
        Cursor::new(parts.join("~")).fmt(f)
    }
}

impl FromStr for Resume {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let cursor = Cursor::parse_long(text)?;
        let mut resume = Self::default();
        for part in cursor.key().split('~').take(MOST).filter(|part| !part.is_empty()) {
            let mut fields = part.split('|');
            let (Some(channel), Some(one), Some(two), None) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                return Err(InvalidCursor);
            };
            let number = |text: &str| text.parse::<u64>().map_err(|_| InvalidCursor);
            match Channel::parse(channel).ok_or(InvalidCursor)? {
                Channel::MarketData => {
                    resume.note_market(MarketCursor { epoch: number(one)?, offset: number(two)? });
                }
                channel => {
                    let account = one.parse().map_err(|_| InvalidCursor)?;
                    resume.logs.insert((channel, account), number(two)?);
                }
            }
        }
        Ok(resume)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_refuses_noise() {
        let account = AccountId::new(uuid::Uuid::from_u128(7));
        let mut resume = Resume::default();
        resume.note(Position::Log { channel: Channel::Orders, account, seq: 12 });
        resume.note(Position::Log { channel: Channel::Alerts, account, seq: 3 });
        resume.note(Position::Market { epoch: 2, offset: 99 });
        resume.note(Position::Market { epoch: 2, offset: 100 });
        resume.note(Position::Market { epoch: 3, offset: 7 });
        assert_eq!(resume.market(), [MarketCursor { epoch: 2, offset: 100 }, MarketCursor { epoch: 3, offset: 7 }]);
        let text = resume.to_string();
        assert_eq!(text.parse::<Resume>().ok(), Some(resume));
        assert!("???".parse::<Resume>().is_err());
        assert!(Cursor::new("orders|acc_x|1").to_string().parse::<Resume>().is_err());
    }
}
