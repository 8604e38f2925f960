//! The story of a newcomer, to the end of the process and beyond.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::api::Api;
use crate::audit::{Books, number, positions, text};
use crate::database::Syncs;
use crate::installation::Installation;
use crate::server::Server;
use crate::socket::Socket;
use crate::stack::Stack;
use crate::waiting::{PATIENCE, say, wait_for};

/// The instrument of the demo.
pub(crate) const SYMBOL: &str = "BTC-PERP";

/// An order to buy a little at the market.
pub(crate) fn market(account: &str, name: &str) -> Value {
    json!({ "account_id": account, "symbol": SYMBOL, "side": "buy", "type": "market", "quantity": "0.001",
        "client_order_id": name })
}

/// An order to buy a little so far below the market that it rests.
pub(crate) fn resting(account: &str, name: &str) -> Value {
    limit(account, name, "buy", "1000")
}

fn limit(account: &str, name: &str, side: &str, price: &str) -> Value {
    json!({ "account_id": account, "symbol": SYMBOL, "side": side, "type": "limit", "limit_price": price,
        "quantity": "0.001", "time_in_force": "gtc", "client_order_id": name })
}

/// Waits until an order has come to a state.
pub(crate) fn wait_until(api: &mut Api, id: &str, status: &str) -> Value {
    wait_for(&format!("{id} to be {status}"), PATIENCE, || {
        let order = api.order(id);
        (order["status"] == status).then_some(order)
    })
}

#[test]
fn the_story_on_sqlite() {
    the_story(Stack::Whole(Installation::on_sqlite()));
}

#[test]
fn the_story_on_postgres() {
    the_story(Stack::Whole(Installation::on_postgres(Syncs::On)));
}

#[test]
fn the_story_on_a_split_stack() {
    the_story(Stack::split());
}

fn the_story(mut stack: Stack) {
    let server = stack.start();
    let installation = stack.installation();
    say(&format!("the first start was ready after {:?}", server.ready_after));
    the_sign_in_is_kept_safe(installation, &server);
    let mut api = installation.client(&server);
    let account = api.account();
    the_market_moves(&server, &api);

    // Followed from the first event on, at the other gateway where there is one.
    let other = stack.other_than(&server);
    let mut socket = Socket::connect(other.address, &api.token).unwrap();
    socket.follow("orders", &account, 0).unwrap();
    let mut heard = an_order_fills(&mut api, &mut socket, &account);
    let rests = api.place(&resting(&account, "rests"));
    wait_until(&mut api, text(&rests, "id"), "new");
    a_resting_order_fills_when_the_market_comes(&mut api, &account);

    // The connection breaks; what happens meanwhile, at the other gateway, comes when it is back.
    socket.cut();
    let mut elsewhere = installation.trader(other);
    let missed = elsewhere.place(&market(&account, "while-away"));
    wait_until(&mut elsewhere, text(&missed, "id"), "filled");
    let mut socket = Socket::connect(server.address, &api.token).unwrap();
    let last = heard.last().map_or(0, |message| number(message, "seq"));
    socket.follow("orders", &account, last).unwrap();
    let books = Books::at_rest(&mut api, &account);
    let newest = number(books.of_channel("orders").last().unwrap(), "seq");
    heard.extend(events_until(&mut socket, newest));
    books.were_streamed("orders", 0, &heard);
    books.agree();
    assert_eq!(books.order("rests")["status"], "new");
    installation.verify();

    stack.kill(server);
    let server = stack.start();
    say(&format!("after kill -9 it was ready again after {:?}", server.ready_after));
    let mut api = stack.installation().client(&server);
    assert_eq!(Books::read(&mut api, &account), books, "everything is as it was");
    let other = stack.other_than(&server);
    let mut socket = Socket::connect(other.address, &api.token).unwrap();
    socket.follow("orders", &account, newest).unwrap();
    let canceled = api.call("DELETE", &format!("/v1/orders/{}", text(&rests, "id")), None).unwrap();
    assert!(matches!(canceled.status, 200 | 202), "{canceled:?}");
    wait_until(&mut api, text(&rests, "id"), "canceled");
    let mut api = stack.installation().trader(&server);
    let after = api.place(&market(&account, "after-the-crash"));
    wait_until(&mut api, text(&after, "id"), "filled");
    let books = Books::at_rest(&mut api, &account);
    let end = number(books.of_channel("orders").last().unwrap(), "seq");
    heard.extend(events_until(&mut socket, end));
    books.were_streamed("orders", 0, &heard);
    books.agree();
    assert_eq!(Books::read(&mut stack.installation().client(other), &account), books, "the same wherever one asks");
    stack.holds(&books, &account);
    stack.stop(server);
}

/// The sign-in is in a file for this user alone, and in no log.
fn the_sign_in_is_kept_safe(installation: &Installation, server: &Server) {
    let file = installation.directory().join("first-sign-in.txt");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let (_, password) = installation.sign_in();
    assert!(password.len() >= 16, "the password is long");
    assert!(server.has_logged("first-sign-in.txt") && !server.has_logged(&password), "the log says where, not what");
}

/// Prices come, and they are not all the same.
fn the_market_moves(server: &Server, api: &Api) {
    let mut socket = Socket::connect(server.address, &api.token).unwrap();
    socket.send(&json!({ "op": "subscribe", "channel": "market-data", "symbols": [SYMBOL] })).unwrap();
    let mut prices = BTreeSet::new();
    for _ in 0..100 {
        let messages = socket.until("a price", |message| matches!(message["type"].as_str(), Some("trade" | "quote")));
        let message = messages.last().unwrap();
        assert_eq!((&message["symbol"], &message["stale"]), (&json!(SYMBOL), &json!(false)));
        prices.insert(message["data"].to_string());
        if prices.len() >= 3 {
            return;
        }
    }
    panic!("the market does not move: {prices:?}");
}

/// A market order, from the answer to the fill, and everything that the stream told on the way.
fn an_order_fills(api: &mut Api, socket: &mut Socket, account: &str) -> Vec<Value> {
    let order = api.place(&market(account, "first"));
    let id = text(&order, "id").to_owned();
    let filled = |message: &Value| message["type"] == "order_filled" && message["data"]["order_id"] == id.as_str();
    let heard: Vec<Value> =
        socket.until("the fill", filled).into_iter().filter(|message| message["seq"].is_u64()).collect();
    let heard: Vec<Value> = heard.into_iter().filter(|message| message["type"] != "subscribed").collect();
    let kinds: Vec<_> = heard.iter().map(|message| text(message, "type")).collect();
    assert_eq!(kinds, ["order_accepted", "order_routed", "order_acknowledged", "order_filled"]);
    let order = wait_until(api, &id, "filled");
    assert_eq!(order["filled_quantity"], order["quantity"]);
    let held = positions(api, account);
    assert_eq!((held.len(), text(&held[0], "quantity")), (1, text(&order, "quantity")));
    heard
}

/// One order below the market and one above it: whichever way it goes, one of them is met.
fn a_resting_order_fills_when_the_market_comes(api: &mut Api, account: &str) {
    let average = |api: &mut Api| {
        let held = positions(api, account);
        let mark = text(&held[0], "mark_price").to_owned();
        mark.split('.').next().unwrap().parse::<u64>().unwrap()
    };
    let price = average(api);
    let below = api.place(&limit(account, "below", "buy", &(price - 3).to_string()));
    let above = api.place(&limit(account, "above", "sell", &(price + 3).to_string()));
    let ids = [text(&below, "id"), text(&above, "id")];
    wait_for("a resting order to fill", PATIENCE, || {
        ids.iter().any(|id| api.order(id)["status"] == "filled").then_some(())
    });
    for id in ids {
        // The one that still rests is taken back; it may fill first.
        let answer = api.call("DELETE", &format!("/v1/orders/{id}"), None).unwrap();
        assert!(matches!(answer.status, 200 | 202 | 409), "{answer:?}");
    }
}

/// Events of a stream up to the one of this number.
pub(crate) fn events_until(socket: &mut Socket, seq: u64) -> Vec<Value> {
    let messages = socket.until(&format!("event {seq}"), |message| {
        message["type"] != "subscribed" && message["seq"].as_u64().is_some_and(|number| number >= seq)
    });
    messages.into_iter().filter(|message| message["prev_seq"].is_u64()).collect()
}
