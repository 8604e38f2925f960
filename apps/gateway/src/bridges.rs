//! Where one domain needs another: small adapters over the domains' ports, put together by the composition root.

mod access_news;
mod account_limits;
mod cached_instruments;
mod candle_news;
mod candle_prices;
mod feed_moments;
mod identity_authenticator;
mod identity_standing;
mod market_prices;
mod paper_probe;
mod topic_feed;
mod topic_parts;
mod trading_accounts;
mod watched_bus;

pub use access_news::AccessNews;
pub use account_limits::{BringLimitsError, bring_risk_settings, limits_of};
pub use cached_instruments::CachedInstruments;
pub use candle_news::CandleNews;
pub use candle_prices::CandlePrices;
pub use feed_moments::FeedMoments;
pub use identity_authenticator::IdentityAuthenticator;
pub use identity_standing::IdentityStanding;
pub use market_prices::MarketPrices;
pub use paper_probe::PaperProbe;
pub use topic_feed::{KafkaSource, TopicFeed, TopicFeedPorts, TopicSource};
pub use topic_parts::{Gathering, OpenTopic, PartSource, TopicParts};
pub use trading_accounts::{TradingAccounts, paper_config};
pub use watched_bus::{BusTrouble, WatchedBus};
