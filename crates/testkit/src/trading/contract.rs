//! The contract of a trading store: what every adapter of [`TradingLog`] and [`TradingQueries`] must do.
//!
//! Each case makes accounts of its own, so that the cases may share a database with each other and with other tests.
//! They run on a tokio runtime.

#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a contract case is a test: it panics when broken")]

mod appends;
mod concurrency;
mod conflicts;
mod extremes;
mod fills;
mod lists;
mod locked;
mod orders;
mod relay;

use std::sync::Arc;

use velox_kernel::{Page, PageRequest};
use velox_trading::{Append, Appended, FillFilter, OrderFilter, StoreError, TradingLog, TradingQueries};

use super::{AccountScenario, FreshIds, Rows};

pub use appends::{
    appends_are_read_back_as_they_were_written, events_are_paged_in_order, long_batches_are_appended_whole,
    several_tails_are_read_at_once, snapshots_are_kept_and_replaced, unopened_accounts_are_empty,
};
pub use concurrency::{concurrent_accounts_do_not_hurt_each_other, concurrent_appends_have_one_winner_a_number};
pub use conflicts::{
    a_conflict_hurts_no_other_member, a_repeated_client_order_id_is_a_conflict, a_repeated_fill_is_a_conflict,
    the_expected_number_must_be_the_newest,
};
pub use extremes::{extreme_numbers_come_back_exactly, long_and_foreign_names_come_back};
pub use fills::{fills_are_filtered_and_paged, late_fills_change_closed_orders};
pub use lists::{
    accounts_are_listed_by_tenant, accounts_whose_loss_is_limited_are_found, every_account_is_listed_for_the_verifier,
    positions_and_ledgers_follow_a_reset, positions_are_kept_by_strategy,
};
pub use locked::{
    a_locked_append_sees_the_tail, a_locked_decision_may_append_nothing, a_locked_duplicate_is_a_conflict,
};
pub use orders::{
    filters_of_orders_are_combined, open_work_is_listed_across_tenants, orders_are_filtered_and_paged,
    orders_are_found_by_their_names,
};
pub use relay::{marks_are_kept_by_whoever_has_the_shard, whoever_lost_its_shard_writes_nothing};

/// The two ports of one store.
#[derive(Clone)]
pub struct TradingPorts {
    /// Its log.
    pub log: Arc<dyn TradingLog>,
    /// Its read tables.
    pub queries: Arc<dyn TradingQueries>,
}

/// Runs every case, each on what `make` gives: fresh stores, or the same one again.
pub async fn trading_store_contract(make: impl AsyncFn() -> TradingPorts) {
    appends_are_read_back_as_they_were_written(&make().await).await;
    events_are_paged_in_order(&make().await).await;
    several_tails_are_read_at_once(&make().await).await;
    long_batches_are_appended_whole(&make().await).await;
    snapshots_are_kept_and_replaced(&make().await).await;
    unopened_accounts_are_empty(&make().await).await;
    a_conflict_hurts_no_other_member(&make().await).await;
    a_repeated_client_order_id_is_a_conflict(&make().await).await;
    a_repeated_fill_is_a_conflict(&make().await).await;
    the_expected_number_must_be_the_newest(&make().await).await;
    a_locked_append_sees_the_tail(&make().await).await;
    a_locked_decision_may_append_nothing(&make().await).await;
    a_locked_duplicate_is_a_conflict(&make().await).await;
    extreme_numbers_come_back_exactly(&make().await).await;
    long_and_foreign_names_come_back(&make().await).await;
    orders_are_filtered_and_paged(&make().await).await;
    filters_of_orders_are_combined(&make().await).await;
    orders_are_found_by_their_names(&make().await).await;
    open_work_is_listed_across_tenants(&make().await).await;
    fills_are_filtered_and_paged(&make().await).await;
    late_fills_change_closed_orders(&make().await).await;
    accounts_are_listed_by_tenant(&make().await).await;
    every_account_is_listed_for_the_verifier(&make().await).await;
    accounts_whose_loss_is_limited_are_found(&make().await).await;
    positions_and_ledgers_follow_a_reset(&make().await).await;
    positions_are_kept_by_strategy(&make().await).await;
    concurrent_appends_have_one_winner_a_number(&make().await).await;
    concurrent_accounts_do_not_hurt_each_other(&make().await).await;
}

fn scenario() -> AccountScenario {
    AccountScenario::new(Arc::new(FreshIds))
}

impl TradingPorts {
    async fn commit(&self, append: Append) {
        let outcome = self.log.append(vec![append]).await.expect("the store is there");
        assert_eq!(outcome, [Appended::Committed]);
    }

    async fn append_one(&self, append: Append) -> Appended {
        let outcome = self.log.append(vec![append]).await.expect("the store is there");
        assert_eq!(outcome.len(), 1, "one outcome a member");
        outcome[0]
    }

    /// The store must hold exactly what the scenario says: its log and its read rows.
    async fn must_hold(&self, scenario: &AccountScenario) {
        let events = self.log.events(scenario.id(), 0, 10_000).await.expect("the store is there");
        assert_eq!(events, scenario.log(), "the log");
        self.must_hold_rows(scenario, scenario.rows()).await;
    }

    async fn must_hold_rows(&self, scenario: &AccountScenario, rows: &Rows) {
        let (account, queries) = (scenario.id(), &self.queries);
        let Rows { account: row, orders, fills, positions, balances } = rows;
        assert_eq!(queries.account(scenario.org(), account).await.expect("the store is there"), *row, "the account");
        let stored = queries.orders_of_account(account, None, 10_000).await.expect("the store is there");
        assert!(stored.iter().eq(orders.values()), "the orders: {stored:#?} are not {orders:#?}");
        let stored = queries.fills_of_account(account, 0, 10_000).await.expect("the store is there");
        assert!(stored.iter().eq(fills.values()), "the fills: {stored:#?} are not {fills:#?}");
        let stored = queries.positions(account).await.expect("the store is there");
        assert!(stored.iter().eq(positions.values()), "the positions: {stored:#?} are not {positions:#?}");
        let stored = queries.balances(account).await.expect("the store is there");
        assert!(stored.iter().eq(balances.values()), "the ledgers: {stored:#?} are not {balances:#?}");
    }

    /// Every item of a list, read in pages of `size`; no page may be larger, and only the last one smaller.
    async fn walk<T>(
        &self,
        size: u16,
        list: impl AsyncFn(&dyn TradingQueries, &PageRequest) -> Result<Page<T>, StoreError>,
    ) -> Vec<T> {
        let (mut all, mut after) = (vec![], None);
        loop {
            let request = PageRequest::new(size, after).expect("a page size");
            let page = list(self.queries.as_ref(), &request).await.expect("the store is there");
            assert!(page.items.len() <= usize::from(size), "no more than was asked for");
            assert!(page.next.is_none() || page.items.len() == usize::from(size), "only the last page is short");
            all.extend(page.items);
            match page.next {
                Some(cursor) => after = Some(cursor),
                None => return all,
            }
        }
    }

    async fn all_orders(
        &self,
        scenario: &AccountScenario,
        filter: &OrderFilter,
        size: u16,
    ) -> Vec<velox_trading::Order> {
        self.walk(size, async |queries, page| queries.orders(scenario.org(), filter, page).await).await
    }

    async fn all_fills(
        &self,
        scenario: &AccountScenario,
        filter: &FillFilter,
        size: u16,
    ) -> Vec<velox_trading::RecordedFill> {
        self.walk(size, async |queries, page| queries.fills(scenario.org(), filter, page).await).await
    }
}
