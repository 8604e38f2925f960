//! What must agree at the end: what clients were told, the orders, the events, the fills, the position, the streams.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use velox_kernel::Quantity;

use crate::api::Api;
use crate::waiting::{PATIENCE, wait_for};

/// A member that is a text.
pub(crate) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("no text {member} in {value}"))
}

/// A member that is a number.
pub(crate) fn number(value: &Value, member: &str) -> u64 {
    value[member].as_u64().unwrap_or_else(|| panic!("no number {member} in {value}"))
}

fn quantity(value: &Value, member: &str) -> Quantity {
    text(value, member).parse().unwrap()
}

/// Everything that an account shows about its past.
#[derive(Debug, PartialEq)]
pub(crate) struct Books {
    /// All orders, newest first.
    pub(crate) orders: Vec<Value>,
    /// All events, in order.
    pub(crate) events: Vec<Value>,
    trades: Vec<Value>,
    positions: Vec<Value>,
    /// What the market moves is left out.
    account: Value,
}

/// The states that an order leaves by itself.
const PASSING: [&str; 6] =
    ["pending_new", "routed", "pending_cancel", "pending_replace", "unknown", "partially_filled"];
/// What of accounts and positions moves with the market.
const MARKED: [&str; 8] =
    ["mark_price", "notional", "unrealised", "equity", "buying_power", "margin_used", "margin", "at"];

fn without_marks(mut value: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.retain(|name, _| !MARKED.contains(&name.as_str()));
                members.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut value);
    value
}

impl Books {
    /// What the API shows now.
    pub(crate) fn read(api: &mut Api, account: &str) -> Self {
        Self {
            orders: api.list(&format!("/v1/orders?account_id={account}")),
            events: api.list(&format!("/v1/accounts/{account}/events")),
            trades: api.list(&format!("/v1/trades?account_id={account}")),
            positions: positions(api, account).into_iter().map(without_marks).collect(),
            account: without_marks(api.get(&format!("/v1/accounts/{account}"))),
        }
    }

    /// What the API shows once nothing is under way any more.
    pub(crate) fn at_rest(api: &mut Api, account: &str) -> Self {
        // One list: between two an order could go from what the second one shows to what the first one did.
        let open = format!("/v1/orders?account_id={account}&status=new,{}", PASSING.join(","));
        wait_for("the orders to come to rest", PATIENCE, || {
            let rests = |order: &Value| order["status"] == "new" && order["type"] != "market";
            api.list(&open).iter().all(rests).then_some(())
        });
        Self::read(api, account)
    }

    /// All orders by client order id; `agree` checks that none is there twice.
    pub(crate) fn by_name(&self) -> BTreeMap<&str, &Value> {
        self.orders.iter().map(|order| (text(order, "client_order_id"), order)).collect()
    }

    /// How often an event of this type tells of each order.
    pub(crate) fn times(&self, kind: &str) -> BTreeMap<&str, usize> {
        let mut times = BTreeMap::new();
        for order in self.events.iter().filter(|event| event["type"] == kind).filter_map(order_of) {
            *times.entry(order).or_default() += 1;
        }
        times
    }

    /// The order of a client order id.
    pub(crate) fn order(&self, client_order_id: &str) -> &Value {
        let mut named = self.orders.iter().filter(|order| order["client_order_id"] == client_order_id);
        let order = named.next().unwrap_or_else(|| panic!("the order {client_order_id} is missing"));
        assert!(named.next().is_none(), "the order {client_order_id} is there twice");
        order
    }

    /// The events of an order, by type.
    pub(crate) fn events_of(&self, order: &str, kind: &str) -> usize {
        self.events.iter().filter(|event| event["type"] == kind && order_of(event) == Some(order)).count()
    }

    /// Checks that all of it tells the same story.
    pub(crate) fn agree(&self) {
        self.events_are_chained();
        self.orders_follow_from_events();
        self.fills_add_up();
    }

    fn events_are_chained(&self) {
        let mut before = "0".repeat(64);
        for (place, event) in (1..).zip(&self.events) {
            assert_eq!(number(event, "seq"), place, "a gap in the log: {event}");
            assert_eq!(text(event, "prev_hash"), before, "the chain breaks at {event}");
            before = text(event, "hash").to_owned();
        }
    }

    fn orders_follow_from_events(&self) {
        let begun = |event: &&Value| matches!(text(event, "type"), "order_accepted" | "order_denied");
        let mut begun: Vec<_> = self.events.iter().filter(begun).map(|event| order_of(event).unwrap()).collect();
        let mut ids: Vec<_> = self.orders.iter().map(|order| text(order, "id")).collect();
        begun.sort_unstable();
        ids.sort_unstable();
        assert_eq!(begun, ids, "orders and the events that began them");
        let names: BTreeSet<_> = self.orders.iter().map(|order| text(order, "client_order_id")).collect();
        assert_eq!(names.len(), self.orders.len(), "a client order id was used twice");
        let mut of_orders: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for event in &self.events {
            of_orders.entry(order_of(event).unwrap_or_default()).or_default().push(event);
        }
        for order in &self.orders {
            let id = text(order, "id");
            let of_it = &of_orders[id];
            let last = match text(order, "status") {
                "filled" => "order_filled",
                "canceled" => "order_canceled",
                "denied" => "order_denied",
                "new" => "order_acknowledged",
                "expired" => "order_expired",
                "rejected" => "order_rejected",
                other => panic!("{id} is {other}: {order}"),
            };
            let newest = of_it.last().unwrap();
            let kind = text(newest, "type");
            // The broker's refusal of a cancel leaves an order that ended as it is.
            assert!(kind == last || kind == "order_cancel_rejected", "{id} is {order}, and its newest event {newest}");
            assert_eq!(number(order, "last_seq"), number(newest, "seq"), "{order}");
            for once in ["order_accepted", "order_routed", "order_acknowledged", "order_canceled"] {
                let times = of_it.iter().filter(|event| event["type"] == once).count();
                assert!(times <= 1, "{id} has {once} {times} times");
            }
        }
    }

    fn fills_add_up(&self) {
        let mut told: BTreeMap<(&str, u64), Quantity> = BTreeMap::new();
        for event in self.events.iter().filter(|event| event["type"] == "order_filled") {
            let fill = &event["data"];
            assert!(
                told.insert((text(fill, "fill_id"), number(event, "seq")), quantity(fill, "quantity")).is_none(),
                "a fill was told twice: {event}"
            );
        }
        let names: BTreeSet<_> = told.keys().map(|(id, _)| id).collect();
        assert_eq!(names.len(), told.len(), "a fill was applied twice");
        let kept: BTreeMap<_, _> = self
            .trades
            .iter()
            .map(|trade| ((text(trade, "id"), number(trade, "seq")), quantity(trade, "quantity")))
            .collect();
        assert_eq!((kept.len(), &kept), (self.trades.len(), &told), "trades and the events that tell of fills");

        let zero: Quantity = "0".parse().unwrap();
        let (mut of_orders, mut held): (BTreeMap<&str, Quantity>, BTreeMap<&str, Quantity>) = Default::default();
        for trade in &self.trades {
            let filled = quantity(trade, "quantity");
            let sum = of_orders.entry(text(trade, "order_id")).or_insert(zero);
            *sum = sum.plus(filled).unwrap();
            let sum = held.entry(text(trade, "symbol")).or_insert(zero);
            *sum = if trade["side"] == "buy" { sum.plus(filled) } else { sum.minus(filled) }.unwrap();
        }
        for order in &self.orders {
            let filled = quantity(order, "filled_quantity");
            assert_eq!(of_orders.get(text(order, "id")).copied().unwrap_or(zero), filled, "{order}");
            assert!(order["status"] != "filled" || filled == quantity(order, "quantity"), "{order}");
        }
        let shown: BTreeMap<_, _> =
            self.positions.iter().map(|row| (text(row, "symbol"), quantity(row, "quantity"))).collect();
        held.retain(|_, quantity| *quantity != zero);
        assert_eq!(shown, held, "the positions and the sums of the fills");
    }

    /// The events that a channel carries, as the protocol's document lists them.
    pub(crate) fn of_channel(&self, channel: &str) -> Vec<&Value> {
        let carries = |kind: &str| match channel {
            "orders" => kind.starts_with("order_"),
            "positions" => matches!(kind, "order_filled" | "cash_moved" | "account_opened" | "account_reset"),
            "alerts" => matches!(kind, "order_denied" | "order_unknown" | "account_halted" | "account_resumed"),
            other => panic!("no such channel: {other}"),
        };
        self.events.iter().filter(|event| carries(text(event, "type"))).collect()
    }

    /// Checks that a stream, from the event after `after`, brought every event of its channel once and in order.
    pub(crate) fn were_streamed(&self, channel: &str, after: u64, messages: &[Value]) {
        let events: Vec<_> =
            self.of_channel(channel).into_iter().filter(|event| number(event, "seq") > after).collect();
        let seqs =
            |values: &mut dyn Iterator<Item = &Value>| values.map(|value| number(value, "seq")).collect::<Vec<_>>();
        assert_eq!(
            seqs(&mut messages.iter()),
            seqs(&mut events.iter().copied()),
            "what {channel} brought, and what the log holds"
        );
        let mut before = after;
        for (message, event) in messages.iter().zip(events) {
            assert_eq!(number(message, "prev_seq"), before, "{message}");
            before = number(message, "seq");
            for member in ["type", "data", "market_time", "recorded_at"] {
                assert_eq!(message[member], event[member], "{member} of {message}");
            }
        }
    }
}

/// What an account holds.
pub(crate) fn positions(api: &mut Api, account: &str) -> Vec<Value> {
    api.get(&format!("/v1/positions?account_id={account}"))["items"].as_array().unwrap().clone()
}

/// The order that an event is about.
fn order_of(event: &Value) -> Option<&str> {
    event["data"]["order_id"].as_str()
}
