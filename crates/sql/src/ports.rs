//! The ports, forwarded to the repository: written once, because both adapters do the same.
//!
//! The adapter brings a macro `read!(self, area::function(arguments))` that runs a repository function on a connection,
//! and `change!` that does so in a transaction.

/// Implements `TradingLists` and `TradingQueries`.
#[macro_export]
macro_rules! impl_trading_queries {
    ($store:ty, $read:ident) => {
        #[async_trait::async_trait]
        impl velox_trading::TradingLists for $store {
            async fn accounts(
                &self,
                org: velox_kernel::OrgId,
                page: &velox_kernel::PageRequest,
            ) -> Result<velox_kernel::Page<velox_trading::AccountRow>, velox_trading::StoreError> {
                let page = page.clone();
                $read!(self, trading::accounts(org, &page))
            }

            async fn orders(
                &self,
                org: velox_kernel::OrgId,
                filter: &velox_trading::OrderFilter,
                page: &velox_kernel::PageRequest,
            ) -> Result<velox_kernel::Page<velox_trading::Order>, velox_trading::StoreError> {
                let (filter, page) = (filter.clone(), page.clone());
                $read!(self, trading::orders(org, &filter, &page))
            }

            async fn fills(
                &self,
                org: velox_kernel::OrgId,
                filter: &velox_trading::FillFilter,
                page: &velox_kernel::PageRequest,
            ) -> Result<velox_kernel::Page<velox_trading::RecordedFill>, velox_trading::StoreError> {
                let (filter, page) = (filter.clone(), page.clone());
                $read!(self, trading::fills(org, &filter, &page))
            }
        }

        #[async_trait::async_trait]
        impl velox_trading::TradingQueries for $store {
            async fn account(
                &self,
                org: velox_kernel::OrgId,
                account: velox_kernel::AccountId,
            ) -> Result<Option<velox_trading::AccountRow>, velox_trading::StoreError> {
                $read!(self, trading::account(org, account))
            }

            async fn accounts_of_connection(
                &self,
                connection: velox_kernel::ConnectionId,
            ) -> Result<Vec<velox_trading::AccountRow>, velox_trading::StoreError> {
                $read!(self, trading::accounts_of_connection(connection))
            }

            async fn order(
                &self,
                org: velox_kernel::OrgId,
                order: velox_kernel::OrderId,
            ) -> Result<Option<velox_trading::Order>, velox_trading::StoreError> {
                $read!(self, trading::order(org, order))
            }

            async fn order_by_client_id(
                &self,
                account: velox_kernel::AccountId,
                id: velox_kernel::ClientOrderId,
            ) -> Result<Option<velox_trading::Order>, velox_trading::StoreError> {
                $read!(self, trading::order_by_client_id(account, id))
            }

            async fn order_of_account(
                &self,
                account: velox_kernel::AccountId,
                order: velox_kernel::OrderId,
            ) -> Result<Option<velox_trading::Order>, velox_trading::StoreError> {
                $read!(self, trading::order_of_account(account, order))
            }

            async fn has_fill(
                &self,
                account: velox_kernel::AccountId,
                fill: velox_kernel::FillId,
            ) -> Result<bool, velox_trading::StoreError> {
                $read!(self, trading::has_fill(account, fill))
            }

            async fn positions(
                &self,
                account: velox_kernel::AccountId,
            ) -> Result<Vec<velox_trading::PositionRow>, velox_trading::StoreError> {
                $read!(self, trading::positions(account))
            }

            async fn balances(
                &self,
                account: velox_kernel::AccountId,
            ) -> Result<Vec<velox_trading::Balance>, velox_trading::StoreError> {
                $read!(self, trading::balances(account))
            }

            async fn orders_in(
                &self,
                statuses: &[velox_trading::OrderStatus],
                after: Option<velox_kernel::OrderId>,
                limit: u32,
            ) -> Result<Vec<velox_trading::Order>, velox_trading::StoreError> {
                let statuses = statuses.to_vec();
                $read!(self, trading::orders_in(&statuses, after, limit))
            }

            async fn all_accounts(
                &self,
                after: Option<velox_kernel::AccountId>,
                limit: u32,
            ) -> Result<Vec<velox_trading::AccountRow>, velox_trading::StoreError> {
                $read!(self, trading::all_accounts(after, limit))
            }

            async fn loss_limited_accounts(
                &self,
                after: Option<velox_kernel::AccountId>,
                limit: u32,
            ) -> Result<Vec<velox_trading::AccountRow>, velox_trading::StoreError> {
                $read!(self, trading::loss_limited_accounts(after, limit))
            }

            async fn orders_of_account(
                &self,
                account: velox_kernel::AccountId,
                after: Option<velox_kernel::OrderId>,
                limit: u32,
            ) -> Result<Vec<velox_trading::Order>, velox_trading::StoreError> {
                $read!(self, trading::orders_of_account(account, after, limit))
            }

            async fn fills_of_account(
                &self,
                account: velox_kernel::AccountId,
                after: u64,
                limit: u32,
            ) -> Result<Vec<velox_trading::RecordedFill>, velox_trading::StoreError> {
                $read!(self, trading::fills_of_account(account, after, limit))
            }
        }
    };
}

/// Implements `velox_identity::IdentityStore`.
#[macro_export]
macro_rules! impl_identity_store {
    ($store:ty, $read:ident, $change:ident) => {
        #[async_trait::async_trait]
        impl velox_identity::IdentityStore for $store {
            async fn is_empty(&self) -> Result<bool, velox_identity::StoreError> {
                $read!(self, identity::is_empty())
            }

            async fn host(&self) -> Result<Option<velox_kernel::OrgId>, velox_identity::StoreError> {
                $read!(self, identity::host())
            }

            async fn create_user(
                &self,
                new: &velox_identity::NewUser,
            ) -> Result<velox_identity::UserCreation, velox_identity::StoreError> {
                let new = new.clone();
                $change!(self, identity::create_user(&new))
            }

            async fn user_by_email(
                &self,
                email: &velox_identity::Email,
            ) -> Result<Option<velox_identity::User>, velox_identity::StoreError> {
                let email = email.clone();
                $read!(self, identity::user_by_email(&email))
            }

            async fn user(
                &self,
                org: velox_kernel::OrgId,
                user: velox_kernel::UserId,
            ) -> Result<Option<velox_identity::User>, velox_identity::StoreError> {
                $read!(self, identity::user(org, user))
            }

            async fn session_standing(
                &self,
                session: velox_kernel::SessionId,
            ) -> Result<Option<velox_identity::SessionStanding>, velox_identity::StoreError> {
                $read!(self, identity::session_standing(session))
            }

            async fn live_sessions(
                &self,
                org: velox_kernel::OrgId,
                user: velox_kernel::UserId,
                now: velox_kernel::Timestamp,
                limit: u16,
            ) -> Result<Vec<velox_identity::Session>, velox_identity::StoreError> {
                $read!(self, identity::live_sessions(org, user, now, limit))
            }

            async fn open_session(
                &self,
                new: &velox_identity::NewSession,
                session_version: u64,
            ) -> Result<bool, velox_identity::StoreError> {
                let new = new.clone();
                $change!(self, identity::open_session(&new, session_version))
            }

            async fn rotate_refresh(
                &self,
                rotate: &velox_identity::RotateRefresh,
            ) -> Result<velox_identity::Rotation, velox_identity::StoreError> {
                let rotate = *rotate;
                $change!(self, identity::rotate_refresh(&rotate))
            }

            async fn end_sessions(
                &self,
                end: &velox_identity::EndSessions,
            ) -> Result<Vec<velox_kernel::SessionId>, velox_identity::StoreError> {
                let end = *end;
                $change!(self, identity::end_sessions(&end))
            }

            async fn change_password(
                &self,
                change: &velox_identity::PasswordChange,
            ) -> Result<velox_identity::PasswordChanged, velox_identity::StoreError> {
                let change = change.clone();
                $change!(self, identity::change_password(&change))
            }

            async fn update_user(&self, user: &velox_identity::User) -> Result<bool, velox_identity::StoreError> {
                let user = user.clone();
                $change!(self, identity::update_user(&user))
            }

            async fn change_access(
                &self,
                change: &velox_identity::AccessChange,
            ) -> Result<Option<Vec<velox_kernel::SessionId>>, velox_identity::StoreError> {
                let change = *change;
                $change!(self, identity::change_access(&change))
            }

            async fn prune(&self, before: velox_kernel::Timestamp) -> Result<u64, velox_identity::StoreError> {
                $change!(self, identity::prune(before))
            }
        }
    };
}

/// Implements `velox_brokers::BrokerStore`.
#[macro_export]
macro_rules! impl_broker_store {
    ($store:ty, $read:ident, $change:ident) => {
        #[async_trait::async_trait]
        impl velox_brokers::BrokerStore for $store {
            async fn list(
                &self,
                org: velox_kernel::OrgId,
                page: &velox_kernel::PageRequest,
            ) -> Result<velox_kernel::Page<velox_brokers::Connection>, velox_brokers::StoreError> {
                let page = page.clone();
                $read!(self, brokers::list(org, &page))
            }

            async fn get(
                &self,
                org: velox_kernel::OrgId,
                id: velox_kernel::ConnectionId,
            ) -> Result<Option<velox_brokers::Connection>, velox_brokers::StoreError> {
                $read!(self, brokers::get(org, id))
            }

            async fn credentials(
                &self,
                org: velox_kernel::OrgId,
                id: velox_kernel::ConnectionId,
            ) -> Result<Vec<velox_brokers::SealedCredential>, velox_brokers::StoreError> {
                $read!(self, brokers::credentials(org, id))
            }

            async fn create(
                &self,
                new: &velox_brokers::NewConnection,
            ) -> Result<velox_brokers::Creation, velox_brokers::StoreError> {
                let new = new.clone();
                $change!(self, brokers::create(&new))
            }

            async fn update(
                &self,
                connection: &velox_brokers::Connection,
                credentials: Option<&[velox_brokers::SealedCredential]>,
            ) -> Result<bool, velox_brokers::StoreError> {
                let connection = connection.clone();
                let credentials = credentials.map(<[_]>::to_vec);
                $change!(self, brokers::update_connection(&connection, credentials.as_deref()))
            }

            async fn delete(
                &self,
                org: velox_kernel::OrgId,
                id: velox_kernel::ConnectionId,
            ) -> Result<bool, velox_brokers::StoreError> {
                $change!(self, brokers::delete_connection(org, id))
            }

            async fn openings(
                &self,
                after: Option<velox_kernel::ConnectionId>,
                limit: u16,
            ) -> Result<Vec<velox_brokers::Connection>, velox_brokers::StoreError> {
                $read!(self, brokers::openings(after, limit))
            }

            async fn prune_keys(&self, now: velox_kernel::Timestamp) -> Result<u64, velox_brokers::StoreError> {
                $change!(self, brokers::prune_keys(now))
            }
        }
    };
}

/// Implements `velox_market::MarketStore`. Keeping and tidying candles are methods of the adapter, `keep_candles` and `tidy`,
/// and it says how many it takes at once (`CANDLES_AT_ONCE`): there the two databases differ.
#[macro_export]
macro_rules! impl_market_store {
    ($store:ty, $read:ident, $change:ident) => {
        #[async_trait::async_trait]
        impl velox_market::MarketStore for $store {
            async fn save_instruments(
                &self,
                instruments: &[velox_market::Instrument],
            ) -> Result<(), velox_market::MarketStoreError> {
                let instruments = instruments.to_vec();
                $change!(self, market::save_instruments(&instruments))
            }

            async fn instrument(
                &self,
                symbol: velox_kernel::Symbol,
            ) -> Result<Option<velox_market::Instrument>, velox_market::MarketStoreError> {
                $read!(self, market::instrument(symbol))
            }

            async fn instruments(
                &self,
                filter: &velox_market::InstrumentFilter,
                limit: u32,
            ) -> Result<Vec<velox_market::Instrument>, velox_market::MarketStoreError> {
                let filter = filter.clone();
                $read!(self, market::instruments(&filter, limit))
            }

            async fn save_candles(
                &self,
                candles: &[velox_market::Candle],
            ) -> Result<(), velox_market::MarketStoreError> {
                self.keep_candles(candles).await.map_err(Into::into)
            }

            fn candles_at_once(&self) -> usize {
                Self::CANDLES_AT_ONCE
            }

            async fn tidy_candles(
                &self,
                now: velox_kernel::Timestamp,
                keep_from: Option<velox_kernel::Timestamp>,
            ) -> Result<velox_market::Tidied, velox_market::MarketStoreError> {
                self.tidy(now, keep_from).await.map_err(Into::into)
            }

            async fn candles(
                &self,
                query: &velox_market::CandleQuery,
            ) -> Result<Vec<velox_market::Candle>, velox_market::MarketStoreError> {
                let query = *query;
                $read!(self, market::candles(&query))
            }

            async fn save_tickers(
                &self,
                tickers: &[velox_market::Ticker],
            ) -> Result<(), velox_market::MarketStoreError> {
                let tickers = tickers.to_vec();
                $change!(self, market::save_tickers(&tickers))
            }

            async fn tickers(&self) -> Result<Vec<velox_market::Ticker>, velox_market::MarketStoreError> {
                $read!(self, market::tickers())
            }

            async fn save_feed_position(
                &self,
                position: &velox_market::FeedPosition,
            ) -> Result<(), velox_market::MarketStoreError> {
                let position = position.clone();
                $change!(self, market::save_feed_position(&position))
            }

            async fn feed_position(
                &self,
                feed: &str,
            ) -> Result<Option<velox_market::FeedPosition>, velox_market::MarketStoreError> {
                let feed = feed.to_owned();
                $read!(self, market::feed_position(&feed))
            }
        }
    };
}

/// Implements `velox_trading::RelayStore`; `prepare_relay` is the adapter's own.
#[macro_export]
macro_rules! impl_relay_store {
    ($store:ty, $read:ident, $change:ident) => {
        #[async_trait::async_trait]
        impl velox_trading::RelayStore for $store {
            async fn prepare_relay(&self) -> Result<bool, velox_trading::StoreError> {
                Ok(self.index_unpublished().await?)
            }

            async fn unpublished(
                &self,
                after: Option<velox_kernel::AccountId>,
                limit: u32,
            ) -> Result<Vec<velox_trading::Unpublished>, velox_trading::StoreError> {
                $read!(self, relay::unpublished(after, limit))
            }

            async fn mark_published(
                &self,
                fence: velox_kernel::Fence,
                marks: &[(velox_kernel::AccountId, u64)],
            ) -> Result<velox_trading::Marked, velox_trading::StoreError> {
                let marks = marks.to_vec();
                $change!(self, relay::mark_published(fence, &marks))
            }
        }
    };
}

/// Implements `velox_kernel::ShardStore`; how the adapter shows and sees that members are there is its own.
#[macro_export]
macro_rules! impl_shard_store {
    ($store:ty, $change:ident) => {
        #[async_trait::async_trait]
        impl velox_kernel::ShardStore for $store {
            async fn beat(
                &self,
                role: &'static str,
                member: velox_kernel::MemberId,
                count: u32,
                gone: &[velox_kernel::MemberId],
            ) -> Result<velox_kernel::RoleLook, velox_kernel::ShardsAway> {
                let gone = gone.to_vec();
                self.appear(member).await?;
                let look: Result<velox_kernel::RoleLook, velox_kernel::ShardsAway> =
                    $change!(self, shards::beat(role, member, count, &gone));
                Ok(self.see(look?).await?)
            }

            async fn take(
                &self,
                role: &'static str,
                member: velox_kernel::MemberId,
                seen: &[velox_kernel::Shard],
            ) -> Result<Vec<velox_kernel::Shard>, velox_kernel::ShardsAway> {
                let mut taken = Vec::new();
                for shard in seen.iter().copied() {
                    let one: Result<Option<velox_kernel::Shard>, velox_kernel::ShardsAway> =
                        $change!(self, shards::take(role, member, &shard));
                    taken.extend(one?);
                }
                Ok(taken)
            }

            async fn set_position(
                &self,
                fence: velox_kernel::Fence,
                position: u64,
            ) -> Result<bool, velox_kernel::ShardsAway> {
                $change!(self, shards::set_position(fence, position))
            }

            async fn release(
                &self,
                role: &'static str,
                member: velox_kernel::MemberId,
                shards: &[u32],
                leaves: bool,
            ) -> Result<(), velox_kernel::ShardsAway> {
                let shards = shards.to_vec();
                $change!(self, shards::release(role, member, &shards, leaves))
            }
        }
    };
}
