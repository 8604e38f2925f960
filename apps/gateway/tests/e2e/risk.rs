//! Accounts that have lost what they may lose in a day: whoever watches them halts them, each time, once.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::api::Api;
use crate::audit::{Books, text};
use crate::database::Syncs;
use crate::installation::Installation;
use crate::server::Server;
use crate::side_by_side::shards;
use crate::story::{market, resting, wait_until};
use crate::waiting::{PATIENCE, wait_for};

/// An account that has lost more than it may lose in a day. Whenever it is let trade again it is to be halted again.
pub(crate) struct Loser {
    pub(crate) account: String,
    /// How often it was to be halted.
    halts: usize,
}

impl Loser {
    /// An account of a connection of its own, which an order's fee makes lose. Nothing of it is to be halted yet.
    pub(crate) fn begin(api: &mut Api, name: &str) -> Self {
        let body = json!({ "kind": "paper", "name": name });
        let made = api.call("POST", "/v1/brokers", Some(&body)).unwrap();
        assert_eq!(made.status, 201, "{made:?}");
        let accounts = api.list("/v1/accounts");
        let of_it = accounts.iter().find(|account| account["connection_id"] == made.body["id"]).expect("its account");
        let account = text(of_it, "id").to_owned();
        let order = text(&api.place(&market(&account, &format!("{name}-loss"))), "id").to_owned();
        wait_until(api, &order, "filled");
        Self { account, halts: 0 }
    }

    /// Sets the limit that it has passed already; gives how long it took until it was halted.
    pub(crate) fn limit(&mut self, api: &mut Api) -> Duration {
        let path = format!("/v1/accounts/{}/limits", self.account);
        let answer = api.call("PUT", &path, Some(&json!({ "daily_loss": "0.0001" }))).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        self.until_halted(api)
    }

    /// Lets it trade again, though nothing has changed; gives how long that lasted.
    pub(crate) fn resume(&mut self, api: &mut Api) -> Duration {
        let answer = api.call("POST", &format!("/v1/accounts/{}/resume", self.account), None).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        self.until_halted(api)
    }

    fn until_halted(&mut self, api: &mut Api) -> Duration {
        self.halts += 1;
        let began = Instant::now();
        let path = format!("/v1/accounts/{}", self.account);
        wait_for("the halt", PATIENCE, || (api.get(&path)["halt"] == "reduce_only").then_some(()));
        began.elapsed()
    }

    /// Its books: each halt says what it rests on, and there was none but those that had to be.
    pub(crate) fn books(&self, api: &mut Api) -> Books {
        let books = Books::at_rest(api, &self.account);
        let halts: Vec<_> = books.events.iter().filter(|event| event["type"] == "account_halted").collect();
        assert_eq!(halts.len(), self.halts);
        for halt in halts {
            assert_eq!(halt["actor"]["kind"], "system", "{halt}");
            let check = &halt["data"]["basis"]["checks"][0];
            assert_eq!((&check["rule"], &check["passed"]), (&json!("daily_loss"), &json!(false)), "{halt}");
        }
        books.agree();
        books
    }
}

/// Waits until processes have worked off every record of the partitions that the group gives them.
pub(crate) fn until_worked_off<'a>(servers: impl IntoIterator<Item = &'a Server>) {
    let servers: Vec<&Server> = servers.into_iter().collect();
    wait_for("the records to be worked off", PATIENCE, || {
        let lags: Vec<u64> =
            servers.iter().flat_map(|server| (0..4).map(|partition| lag(server, partition))).flatten().collect();
        (!lags.is_empty() && lags.iter().all(|behind| *behind == 0)).then_some(())
    });
}

fn lag(server: &Server, partition: u32) -> Option<u64> {
    let name = format!("velox_group_lag_records{{role=\"risk\",partition=\"{partition}\"}} ");
    let answer = Api::new(server.address, "").call("GET", "/metrics", None).unwrap();
    answer.body.as_str().unwrap().lines().find_map(|line| line.strip_prefix(&name)?.trim().parse().ok())
}

#[test]
fn a_loss_of_the_day_leaves_only_what_makes_positions_smaller() {
    let installation = Installation::on_sqlite();
    let server = installation.start();
    let mut api = installation.trader(&server);
    let mut loser = Loser::begin(&mut api, "careless");
    let account = loser.account.clone();
    let rests = text(&api.place(&resting(&account, "rests")), "id").to_owned();
    wait_until(&mut api, &rests, "new");
    loser.limit(&mut api);
    wait_until(&mut api, &rests, "canceled");
    let refused = api.call("POST", "/v1/orders", Some(&market(&account, "more"))).unwrap();
    assert_eq!((refused.status, &refused.body["rule"]), (422, &json!("account_state")), "{refused:?}");
    loser.resume(&mut api);

    // Whoever comes next watches as well, and what only closes is taken.
    server.kill();
    let server = installation.start();
    let mut api = installation.trader(&server);
    loser.resume(&mut api);
    let closed = api.call("DELETE", &format!("/v1/positions/BTC-PERP?account_id={account}"), None).unwrap();
    assert_eq!(closed.status, 201, "{closed:?}");
    wait_until(&mut api, closed.text("id"), "filled");
    loser.books(&mut api);
    server.stop();
    installation.verify();
}

#[test]
fn processes_share_the_watch_and_miss_none_who_is_killed_or_stands_still() {
    let installation = Installation::on_postgres(Syncs::Off);
    let [first, second] = [installation.start(), installation.start()];
    let all_shared = |servers: &[&Server], each: u64| {
        wait_for("the watch to be shared", PATIENCE, || {
            servers.iter().all(|server| shards(server, "risk") == each).then_some(())
        });
    };
    all_shared(&[&first, &second], 16);
    let mut api = installation.trader(&first);
    let mut losers = ["one", "two", "three"].map(|name| Loser::begin(&mut api, name));
    for loser in &mut losers {
        loser.limit(&mut api);
    }
    second.freeze();
    for loser in &mut losers {
        loser.resume(&mut api);
    }
    second.thaw();
    all_shared(&[&first, &second], 16);
    api.move_to(second.address);
    first.kill();
    for loser in &mut losers {
        loser.resume(&mut api);
    }
    for loser in &losers {
        loser.books(&mut api);
    }
    second.stop();
    installation.verify();
}
